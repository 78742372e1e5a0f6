"""What an employer may see of a programme's use: sums that identify nobody, on fixed dates. 使用报告"""
