"""What runs on a node in the life of a cluster: pure functions that return the text of a bash script.

Standard output is the result, standard error is for people. Called by the phases of `provisioning.operations` alone.
"""
