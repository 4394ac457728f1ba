{{- /* The prefix of a domain's paths -> its release, which is its Service's name too. */ -}}
{{- define "edge.domains" -}}
waste: waste
auth: auth
user: userinfo
location: location
recycle: recycle
chat: chat
{{- end }}

{{- /* What is the whole load balancer's has to be the same on each Ingress of the group. */ -}}
{{- define "edge.annotations" -}}
alb.ingress.kubernetes.io/group.name: {{ .Values.group }}
alb.ingress.kubernetes.io/scheme: internet-facing
alb.ingress.kubernetes.io/target-type: instance
alb.ingress.kubernetes.io/security-groups: {{ join "," .Values.securityGroups }}
alb.ingress.kubernetes.io/manage-backend-security-group-rules: "false"
alb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds={{ .Values.idleTimeoutSeconds }},routing.http.drop_invalid_header_fields.enabled=true
alb.ingress.kubernetes.io/target-group-attributes: deregistration_delay.timeout_seconds=30
alb.ingress.kubernetes.io/healthcheck-interval-seconds: "15"
alb.ingress.kubernetes.io/healthcheck-timeout-seconds: "7"
alb.ingress.kubernetes.io/healthy-threshold-count: "2"
alb.ingress.kubernetes.io/unhealthy-threshold-count: "3"
{{- if .Values.certificateArn }}
alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": 80}, {"HTTPS": 443}]'
alb.ingress.kubernetes.io/certificate-arn: {{ .Values.certificateArn }}
alb.ingress.kubernetes.io/ssl-policy: {{ .Values.sslPolicy }}
alb.ingress.kubernetes.io/ssl-redirect: "443"
{{- else }}
alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": 80}]'
{{- end }}
{{- if .Values.tags }}
{{- $tags := list }}
{{- range $key, $value := .Values.tags }}{{ $tags = append $tags (printf "%s=%s" $key $value) }}{{ end }}
alb.ingress.kubernetes.io/tags: {{ join "," $tags | quote }}
{{- end }}
{{- end }}

{{- define "edge.paths" -}}
# The gateway's own readiness and metrics are for the cluster. (A domain's metrics it refuses itself to who comes from here.)
{{- range $path := list "/metrics" "/ready" }}
- path: {{ $path }}
  pathType: Exact
  backend:
    service: {name: not-found, port: {name: use-annotation}}
{{- end }}
{{- range $prefix, $service := include "edge.domains" . | fromYaml }}
- path: /api/{{ $prefix }}
  pathType: Prefix
  backend:
    service: {name: {{ $service }}, port: {name: http}}
- path: /{{ $prefix }}/health
  pathType: Exact
  backend:
    service: {name: {{ $service }}, port: {name: http}}
- path: /{{ $prefix }}/ready
  pathType: Exact
  backend:
    service: {name: {{ $service }}, port: {name: http}}
{{- end }}
- path: /
  pathType: Prefix
  backend:
    service: {name: {{ .Values.defaultDomain }}, port: {name: http}}
{{- end }}
