"""The cluster in AWS: the HCL beside this file, and the keys that it is given.

Called by the rebuild. Everything that Terraform knows of the cluster it reads from ``provisioning/cluster.yaml``.
"""
