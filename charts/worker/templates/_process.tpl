{{- /* The same file in the charts api and worker (a test compares them): what a process of ours is told. It is what
       provisioning/local/launch.py tells the same process on one machine. */ -}}

{{- /* {root, port, and where they apply schema, models, maxWorkers, threads, secretSettings} -> the environment of one container.
       `schema`: the process logs in to PostgreSQL as that schema's role; without one it has no database. */ -}}
{{- define "eco2.environment" -}}
{{- $values := .root.Values -}}
- {name: ECO2_CONFIG, value: /etc/eco2/config.yaml}
- {name: ECO2_HTTP_HOST, value: 0.0.0.0}
- {name: ECO2_HTTP_PORT, value: {{ .port | quote }}}
- {name: ECO2_DRAIN_S, value: {{ $values.drainSeconds | quote }}}
{{- with .maxWorkers }}
- {name: ECO2_MAX_WORKERS, value: {{ . | quote }}}
{{- end }}
- {name: ECO2_STATE_DIR, value: /var/lib/eco2}
- {name: ECO2_CACHE_DIR, value: /opt/eco2/cache}
- {name: ECO2_CDN_URL, value: {{ $values.pictures.cdnUrl | quote }}}
{{- if $values.pictures.existingSecret }}
{{ include "eco2.secret" (list "ECO2_S3_URL" $values.pictures.existingSecret "url") }}
{{- else }}
- {name: ECO2_S3_URL, value: {{ $values.pictures.url | quote }}}
{{- end }}
{{ include "eco2.secret" (list "ECO2_AMQP_URL" $values.existingSecrets.backends "ECO2_AMQP_URL") }}
{{ include "eco2.secret" (list "ECO2_REDIS_URL" $values.existingSecrets.backends "ECO2_REDIS_URL") }}
{{- if .schema }}
{{ include "eco2.secret" (list "ECO2_DATABASE_URL" $values.existingSecrets.backends (printf "ECO2_DATABASE_URL_%s" (upper .schema))) }}
{{- else }}
- {name: ECO2_DATABASE_URL, value: none}
{{- end }}
{{- if and .models $values.existingSecrets.models }}
{{ include "eco2.secret" (list "OPENAI_API_KEY" $values.existingSecrets.models "OPENAI_API_KEY") }}
{{- end }}
{{- range $name, $where := .secretSettings }}
{{ include "eco2.secret" (list $name $where.name $where.key) }}
{{- end }}
{{- with .threads }}
- {name: EVENTLET_THREADPOOL_SIZE, value: {{ . | quote }}}
{{- end }}
- {name: MALLOC_ARENA_MAX, value: "2"}
- {name: PYTHONUNBUFFERED, value: "1"}
- {name: HOME, value: /tmp}
{{- end }}

{{- /* (variable, Secret, key) */ -}}
{{- define "eco2.secret" -}}
- {name: {{ index . 0 }}, valueFrom: {secretKeyRef: {name: {{ index . 1 }}, key: {{ index . 2 }}}}}
{{- end }}

{{- /* What every process of ours talks to. */ -}}
{{- define "eco2.toParts" -}}
{{- range $part, $at := .Values.network.parts }}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ $at.namespace }}
      podSelector:
        matchLabels:
          app.kubernetes.io/name: {{ $part }}
  ports:
    - {protocol: TCP, port: {{ $at.port }}}
{{- end }}
{{- end }}
