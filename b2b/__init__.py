"""The employers' house: health packages, contracts, rosters and what an employer may see. 企业端"""
