"""The cluster from the operator's machine: kubectl and helm, what is told to them, what their answers mean.

The phases and the commands call it. Everything goes over the kubeconfig that the phase ``init`` fetches; nothing here
knows SSH or AWS.
"""

from provisioning.kubernetes.charts import ReleaseSpec
from provisioning.kubernetes.helm import Helm
from provisioning.kubernetes.kubectl import Kubectl
from provisioning.kubernetes.states import State, Status

__all__ = ["Helm", "Kubectl", "ReleaseSpec", "State", "Status"]
