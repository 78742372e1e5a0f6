"""Traffic: how patients find hospitals. 流量"""
