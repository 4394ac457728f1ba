{{- /* What our own programs are told: the database, as its owner. Their settings want the other addresses too, and these two
       use none of them. The password is safe in a URL, see values.yaml. */ -}}
{{- define "postgresql.application" -}}
- name: POSTGRES_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .Values.existingSecret }}, key: password}}
- name: ECO2_DATABASE_URL
  value: postgresql://{{ .Values.owner }}:$(POSTGRES_PASSWORD)@{{ .Release.Name }}.{{ .Release.Namespace }}.svc:5432/{{ .Values.database }}
- {name: ECO2_AMQP_URL, value: "amqp://unused.invalid//"}
- {name: ECO2_REDIS_URL, value: "redis://unused.invalid/0"}
- {name: ECO2_S3_URL, value: "https://unused.invalid/unused"}
- {name: ECO2_CDN_URL, value: "https://unused.invalid"}
- {name: ECO2_STATE_DIR, value: /tmp}
- {name: ECO2_CACHE_DIR, value: /tmp}
- {name: PYTHONUNBUFFERED, value: "1"}
- {name: HOME, value: /tmp}
{{- end }}

{{- /* Pods of ours beside the database: their names are not its own, so that no Service finds them. */ -}}
{{- define "postgresql.jobLabels" -}}
app.kubernetes.io/name: {{ .Release.Name }}-jobs
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: eco2
{{- end }}
