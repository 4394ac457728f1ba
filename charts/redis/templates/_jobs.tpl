{{- /* Pods of ours beside Redis: their names are not its own, so that no Service finds them. */ -}}
{{- define "redis.jobLabels" -}}
app.kubernetes.io/name: {{ .Release.Name }}-jobs
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: eco2
{{- end }}
