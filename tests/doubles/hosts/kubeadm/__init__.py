"""kubeadm v1.34 as the phases meet it: its checks, files, messages and refusals, over the machine's real files.

Called by commands/kubeadm.py alone. What real kubeadm does and the world cannot (containers), the model says happened.
"""
