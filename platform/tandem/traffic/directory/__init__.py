"""The directory: hospitals and services as the public may find them. 目录"""
