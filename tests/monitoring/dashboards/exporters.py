"""The series of others that the dashboards read: with the labels that they have there, and a healthy value.

A line is the series and its value in the notation of promtool's tests: ``0+10`` grows by 10 with each scrape. ``NODE``
stands for each node, ``POD`` for each pod, and ``HISTOGRAM`` makes the buckets, the count and the sum of the name.
"""

# Source -> its series. The source says what the names and labels mean.
SOURCES = {
    "https://prometheus.io/docs/concepts/jobs_instances/": """
        up{job="eco2-gateway", domain="waste", instance="a"} 1
        up{job="rabbitmq", instance="a"} 1
        up{job="apiserver", instance="a"} 1
        up{job="monitoring-prometheus", instance="a"} 1
        up{job="monitoring-alertmanager", instance="a"} 1
        up{job="node-exporter", node="NODE", instance="NODE"} 1
        up{job="kubelet", instance="gone"} 0
    """,
    "https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/#inspecting-alerts-during-runtime": """
        ALERTS{alertname="Watchdog", alertstate="firing", severity="none"} 1
        ALERTS{alertname="HighNodeDiskUsage", alertstate="firing", severity="warning", node="a"} 1
        ALERTS{alertname="NodeDown", alertstate="firing", severity="critical", node="b"} 1
    """,
    "charts/monitoring/templates/rules.yaml": """
        eco2:node_expected{node="NODE", role="api"} 1
    """,
    "https://github.com/prometheus/node_exporter#enabled-by-default": """
        node_cpu_seconds_total{job="node-exporter", node="NODE", instance="NODE", cpu="0", mode="idle"} 0+20
        node_cpu_seconds_total{job="node-exporter", node="NODE", instance="NODE", cpu="0", mode="user"} 0+10
        node_memory_MemAvailable_bytes{job="node-exporter", node="NODE", instance="NODE"} 2e9
        node_memory_MemTotal_bytes{job="node-exporter", node="NODE", instance="NODE"} 4e9
        node_filesystem_avail_bytes{node="NODE", instance="NODE", device="/dev/root", fstype="ext4", mountpoint="/"} 6e9
        node_filesystem_size_bytes{node="NODE", instance="NODE", device="/dev/root", fstype="ext4", mountpoint="/"} 2e10
        node_network_receive_bytes_total{node="NODE", instance="NODE", device="ens5"} 0+1000
        node_network_transmit_bytes_total{node="NODE", instance="NODE", device="ens5"} 0+1000
    """,
    "https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics": """
        kube_node_status_condition{job="kube-state-metrics", node="NODE", condition="Ready", status="true"} 1
        kube_node_status_condition{job="kube-state-metrics", node="NODE", condition="Ready", status="false"} 0
        kube_node_status_allocatable{job="kube-state-metrics", node="NODE", resource="pods", unit="integer"} 60
        kube_pod_info{namespace="eco2", pod="POD", uid="POD", node="NODE"} 1
        kube_pod_status_phase{namespace="eco2", pod="POD", uid="POD", phase="Running"} 1
        kube_pod_status_phase{namespace="eco2", pod="POD", uid="POD", phase="Failed"} 0
        kube_pod_status_ready{namespace="eco2", pod="POD", uid="POD", condition="true"} 1
        kube_pod_status_ready{namespace="eco2", pod="POD", uid="POD", condition="false"} 0
        kube_pod_container_status_restarts_total{namespace="eco2", pod="POD", uid="POD", container="gateway"} 0
        kube_pod_container_status_restarts_total{namespace="eco2", pod="POD", uid="POD", container="waste"} 0
        kube_pod_container_resource_limits{namespace="eco2", pod="POD", container="gateway", resource="memory"} 3e8
        kube_pod_container_resource_limits{namespace="eco2", pod="POD", container="waste", resource="memory"} 5e8
        kube_pod_container_resource_requests{namespace="eco2", pod="POD", container="gateway", resource="cpu"} 0.1
        kube_pod_container_resource_requests{namespace="eco2", pod="POD", container="waste", resource="cpu"} 0.2
        kube_cronjob_status_last_successful_time{namespace="data", cronjob="postgresql-backup"} 100
    """,
    "https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md": """
        container_memory_working_set_bytes{namespace="eco2", pod="POD", container="gateway", node="NODE"} 1e8
        container_memory_working_set_bytes{namespace="eco2", pod="POD", container="waste", node="NODE"} 1e8
        container_memory_working_set_bytes{job="kubelet", namespace="eco2", pod="POD", container="", node="NODE"} 2e8
        container_cpu_usage_seconds_total{namespace="eco2", pod="POD", container="gateway", node="NODE"} 0+1
        container_cpu_usage_seconds_total{namespace="eco2", pod="POD", container="waste", node="NODE"} 0+1
    """,
    "https://kubernetes.io/docs/reference/instrumentation/metrics/": """
        kubelet_volume_stats_available_bytes{node="NODE", namespace="data", persistentvolumeclaim="data"} 5e9
        kubelet_volume_stats_capacity_bytes{node="NODE", namespace="data", persistentvolumeclaim="data"} 1e10
        kubelet_certificate_manager_client_ttl_seconds{job="kubelet", node="NODE"} 3e7
        apiserver_request_total{job="apiserver", instance="a", verb="GET", code="200"} 0+100
        apiserver_request_duration_seconds{job="apiserver", instance="a", verb="GET"} HISTOGRAM
        apiserver_client_certificate_expiration_seconds{job="apiserver", instance="a"} HISTOGRAM
    """,
    "https://etcd.io/docs/v3.6/metrics/": """
        etcd_server_has_leader{job="kube-etcd", instance="a"} 1
        etcd_mvcc_db_total_size_in_bytes{job="kube-etcd", instance="a"} 1e8
        etcd_server_quota_backend_bytes{job="kube-etcd", instance="a"} 2e9
        etcd_disk_wal_fsync_duration_seconds{job="kube-etcd", instance="a"} HISTOGRAM
        etcd_disk_backend_commit_duration_seconds{job="kube-etcd", instance="a"} HISTOGRAM
    """,
    "https://github.com/rabbitmq/rabbitmq-server/blob/main/deps/rabbitmq_prometheus/metrics.md": """
        rabbitmq_connections{job="rabbitmq", instance="a"} 12
        rabbitmq_consumers{job="rabbitmq", instance="a"} 30
        rabbitmq_process_resident_memory_bytes{job="rabbitmq", instance="a"} 2e8
        rabbitmq_resident_memory_limit_bytes{job="rabbitmq", instance="a"} 1e9
        rabbitmq_disk_space_available_bytes{job="rabbitmq", instance="a"} 2e10
        rabbitmq_disk_space_available_limit_bytes{job="rabbitmq", instance="a"} 2e9
        rabbitmq_global_messages_received_total{job="rabbitmq", instance="a", protocol="amqp091"} 0+100
        rabbitmq_global_messages_delivered_total{job="rabbitmq", instance="a", protocol="amqp091"} 0+100
        rabbitmq_global_messages_unroutable_returned_total{job="rabbitmq", instance="a", protocol="amqp091"} 0
        rabbitmq_detailed_queue_messages_ready{job="rabbitmq-detailed", instance="a", vhost="/", queue="tasks.ai"} 0
        rabbitmq_detailed_queue_messages_ready{vhost="/", queue="tasks.ai.dead"} 0
    """,
    "https://github.com/prometheus-community/postgres_exporter/tree/master/collector": """
        pg_up{job="postgresql", instance="a"} 1
        pg_settings_max_connections{job="postgresql", instance="a", server="127.0.0.1:5432"} 100
        pg_stat_activity_count{job="postgresql", instance="a", datname="eco2", state="active", usename="u"} 3
        pg_stat_activity_count{job="postgresql", instance="a", datname="eco2", state="idle", usename="u"} 9
        pg_stat_activity_max_tx_duration{job="postgresql", instance="a", datname="eco2", state="active"} 0
        pg_stat_database_xact_commit{job="postgresql", instance="a", datid="1", datname="eco2"} 0+100
        pg_stat_database_xact_rollback{job="postgresql", instance="a", datid="1", datname="eco2"} 0+1
        pg_stat_database_deadlocks{job="postgresql", instance="a", datid="1", datname="eco2"} 0
        pg_database_size_bytes{job="postgresql", instance="a", datname="eco2"} 1e9
    """,
    "https://github.com/oliver006/redis_exporter#whats-exported": """
        redis_up{job="redis", instance="a"} 1
        redis_memory_used_bytes{job="redis", instance="a"} 1e8
        redis_memory_max_bytes{job="redis", instance="a"} 1e9
        redis_commands_processed_total{job="redis", instance="a"} 0+100
        redis_evicted_keys_total{job="redis", instance="a"} 0
        redis_rejected_connections_total{job="redis", instance="a"} 0
    """,
    "https://github.com/prometheus/prometheus/tree/main/documentation/prometheus-mixin": """
        prometheus_tsdb_head_series{job="monitoring-prometheus", instance="a"} 5e4
        prometheus_rule_evaluation_failures_total{job="monitoring-prometheus", instance="a", rule_group="g"} 0
        prometheus_notifications_dropped_total{job="monitoring-prometheus", instance="a"} 0
    """,
    "https://github.com/prometheus/alertmanager/tree/main/doc/alertmanager-mixin": """
        alertmanager_notifications_failed_total{job="monitoring-alertmanager", instance="a", integration="slack"} 0
    """,
}
