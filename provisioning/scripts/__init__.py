"""What runs on the nodes, as bash: pure functions that return a text, so each can be read and compared as a file.

The phases and the commands of a cluster's later life send these through `provisioning.ssh.Hosts`. A script that reads
prints ``key=value`` lines (`facts.Facts`); one that acts may be repeated, and changes only what differs.
"""
