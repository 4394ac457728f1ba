"""Alerts of kube-prometheus-stack that ours say better, so that nobody is told twice of one thing."""

# By their names in the chart; ours stand in charts/monitoring/files/rules.
REPLACED: tuple[str, ...] = (
    # Machines.
    "NodeFilesystemSpaceFillingUp",
    "NodeFilesystemAlmostOutOfSpace",
    "NodeFilesystemFilesFillingUp",
    "NodeFilesystemAlmostOutOfFiles",
    "NodeClockSkewDetected",
    "NodeClockNotSynchronising",
    "NodeCPUHighUsage",
    "NodeMemoryHighUtilization",
    "KubeNodeNotReady",
    "KubeNodeUnreachable",
    "KubeNodePressure",
    # Pods, their volumes and Jobs.
    "KubePodCrashLooping",
    "KubeDeploymentReplicasMismatch",
    "KubeStatefulSetReplicasMismatch",
    "KubeDaemonSetRolloutStuck",
    "KubeJobFailed",
    "KubePersistentVolumeFillingUp",
    # Certificates.
    "KubeClientCertificateExpiration",
    "KubeletClientCertificateExpiration",
    "KubeletServerCertificateExpiration",
    # etcd.
    "etcdMembersDown",
    "etcdInsufficientMembers",
    "etcdNoLeader",
    "etcdHighFsyncDurations",
    "etcdDatabaseQuotaLowSpace",
    # The monitoring itself.
    "AlertmanagerFailedToSendAlerts",
    "AlertmanagerClusterFailedToSendAlerts",
    "PrometheusRuleFailures",
    "PrometheusNotConnectedToAlertmanagers",
    "PrometheusErrorSendingAlertsToSomeAlertmanagers",
    "PrometheusErrorSendingAlertsToAnyAlertmanager",
    "TargetDown",
)
