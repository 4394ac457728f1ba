"""What rules and dashboards read of a cluster and one machine does not have, and where each name is documented."""

ELSEWHERE: dict[str, set[str]] = {
    # kube-state-metrics: https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics
    "kube-state-metrics": {
        "kube_cronjob_created",
        "kube_cronjob_status_last_successful_time",
        "kube_daemonset_status_desired_number_scheduled",
        "kube_daemonset_status_number_ready",
        "kube_deployment_spec_replicas",
        "kube_deployment_status_replicas_available",
        "kube_job_failed",
        "kube_job_status_start_time",
        "kube_node_info",
        "kube_node_status_allocatable",
        "kube_node_status_condition",
        "kube_pod_container_info",
        "kube_pod_container_resource_limits",
        "kube_pod_container_resource_requests",
        "kube_pod_container_status_last_terminated_reason",
        "kube_pod_container_status_restarts_total",
        "kube_pod_info",
        "kube_pod_status_phase",
        "kube_pod_status_ready",
        "kube_statefulset_replicas",
        "kube_statefulset_status_replicas_ready",
    },
    # The kubelet's own: https://kubernetes.io/docs/reference/instrumentation/metrics/
    "kubelet": {
        "kubelet_certificate_manager_client_ttl_seconds",
        "kubelet_certificate_manager_server_ttl_seconds",
        "kubelet_volume_stats_available_bytes",
        "kubelet_volume_stats_capacity_bytes",
    },
    # cAdvisor, at the kubelet's /metrics/cadvisor:
    # https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md
    "cadvisor": {
        "container_cpu_usage_seconds_total",
        "container_memory_working_set_bytes",
    },
    # https://kubernetes.io/docs/reference/instrumentation/metrics/
    "API server": {
        "apiserver_client_certificate_expiration_seconds_bucket",
        "apiserver_client_certificate_expiration_seconds_count",
        "apiserver_request_duration_seconds_bucket",
        "apiserver_request_total",
    },
    # https://etcd.io/docs/v3.6/metrics/
    "etcd": {
        "etcd_disk_backend_commit_duration_seconds_bucket",
        "etcd_disk_wal_fsync_duration_seconds_bucket",
        "etcd_mvcc_db_total_size_in_bytes",
        "etcd_server_has_leader",
        "etcd_server_quota_backend_bytes",
    },
    # https://github.com/thanos-io/objstore: every client of the bucket has it
    "Thanos": {"thanos_objstore_bucket_operation_failures_total"},
    # charts/monitoring/templates/rules.yaml records it from the cluster file
    "the cluster file": {"eco2:node_expected"},
}

# Jobs of targets that kube-prometheus-stack makes.
JOBS_ELSEWHERE = {"apiserver", "coredns", "kube-etcd", "kube-state-metrics", "kubelet"}
