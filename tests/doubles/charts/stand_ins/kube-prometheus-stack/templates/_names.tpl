{{- define "stack.fullname" -}}
{{- .Values.fullnameOverride | default (printf "%s-kube-prometheus-stack" .Release.Name) | trunc 26 | trimSuffix "-" -}}
{{- end }}

{{- define "stack.labels" -}}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: kube-prometheus-stack
release: {{ .Release.Name }}
{{- end }}

{{- /* An empty selector takes everything; the chart's own default takes only what this release has made. */ -}}
{{- define "stack.selector" -}}
{{ if .own }}{matchLabels: {release: {{ .release }}}}{{ else }}{}{{ end }}
{{- end }}
