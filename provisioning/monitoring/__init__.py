"""What people see of the cluster and who is told when something is wrong: made from the cluster file.

Pure functions that return text. The rules themselves are files of the chart `charts/monitoring`.
"""
