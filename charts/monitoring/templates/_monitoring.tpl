{{- /* Relabelings by which a target has our labels and no others: {job, domain?}. `domain`: the release behind the Service.
       Prometheus gives `service`, `endpoint` and `container` besides, the first of which is a label of our own metrics. */ -}}
{{- define "monitoring.relabelings" -}}
- {action: replace, targetLabel: job, replacement: {{ .job }}}
- {action: replace, sourceLabels: [__meta_kubernetes_pod_node_name], targetLabel: node}
{{- if .domain }}
- {action: replace, sourceLabels: [__meta_kubernetes_service_label_app_kubernetes_io_instance], targetLabel: domain}
{{- end }}
- {action: labeldrop, regex: service|endpoint|container}
{{- end }}

{{- /* One ServiceMonitor: {root, name, job, domain?, namespaces, of, port, path?, params?, honorLabels?}. `of`: the
       releases whose Services with metrics are meant; none: all of the namespaces that have the port. */ -}}
{{- define "monitoring.monitor" -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ .root.Release.Name }}-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "eco2.labels" .root | nindent 4 }}
spec:
  namespaceSelector:
    matchNames: {{- toYaml .namespaces | nindent 6 }}
  selector:
    matchLabels:
      app.kubernetes.io/part-of: eco2
      app.kubernetes.io/component: metrics
    {{- with .of }}
    matchExpressions:
      - {key: app.kubernetes.io/instance, operator: In, values: {{ toJson . }}}
    {{- end }}
  endpoints:
    - port: {{ .port }}
      path: {{ .path | default "/metrics" }}
      {{- with .params }}
      params: {{- toYaml . | nindent 8 }}
      {{- end }}
      interval: 30s
      scrapeTimeout: 10s
      {{- if .honorLabels }}
      honorLabels: true
      {{- end }}
      relabelings: {{- include "monitoring.relabelings" . | nindent 8 }}
{{- end }}
