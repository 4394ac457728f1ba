{{- /* The same file in every chart of this folder (a test compares them): names, labels, images, what pods may not. */ -}}

{{- define "eco2.selector" -}}
app.kubernetes.io/name: {{ .Release.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "eco2.labels" -}}
{{ include "eco2.selector" . }}
app.kubernetes.io/part-of: eco2
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* Of pods: without the chart's version, which must not start a database anew. */ -}}
{{- define "eco2.podLabels" -}}
{{ include "eco2.selector" . }}
app.kubernetes.io/part-of: eco2
{{- end }}

{{- /* A repository with its tag and, where one is given, the digest that the tag must still have. */ -}}
{{- define "eco2.image" -}}
{{ .repository }}:{{ .tag }}{{ with .digest }}@{{ . }}{{ end }}
{{- end }}

{{- /* For a pod; `.` is the numeric user that the image runs as. OnRootMismatch: files that must stay 0600 or 0700 keep
       their modes over a restart. */ -}}
{{- define "eco2.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "eco2.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- /* What a pod is given, less what its second container takes: {pod, part} -> the first container's resources. */ -}}
{{- define "eco2.rest" -}}
{{- $part := .part -}}
{{- range $section, $amounts := .pod }}
{{ $section }}:
  {{- range $resource, $amount := $amounts }}
  {{- $taken := dig $section $resource "0" $part }}
  {{- if eq $resource "cpu" }}
  {{- $left := sub (include "eco2.millicores" $amount | int) (include "eco2.millicores" $taken | int) }}
  {{- if le $left 0 }}{{ fail (printf "resources.%s.cpu %s leaves nothing beside %s" $section $amount $taken) }}{{ end }}
  cpu: {{ $left }}m
  {{- else }}
  {{- $left := sub (include "eco2.mebibytes" $amount | int) (include "eco2.mebibytes" $taken | int) }}
  {{- if le $left 0 }}{{ fail (printf "resources.%s.memory %s leaves nothing beside %s" $section $amount $taken) }}{{ end }}
  memory: {{ $left }}Mi
  {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "eco2.millicores" -}}
{{ if hasSuffix "m" . }}{{ trimSuffix "m" . }}{{ else }}{{ mul (int .) 1000 }}{{ end }}
{{- end }}

{{- define "eco2.mebibytes" -}}
{{ if hasSuffix "Gi" . }}{{ mul (trimSuffix "Gi" . | int) 1024 }}{{ else }}{{ trimSuffix "Mi" . }}{{ end }}
{{- end }}

{{- /* Where a pod may run. */ -}}
{{- define "eco2.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* A rule of a NetworkPolicy: names are looked up in the cluster's DNS. */ -}}
{{- define "eco2.toDns" -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
      podSelector:
        matchLabels:
          k8s-app: kube-dns
  ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end }}

{{- /* Another: HTTPS to whoever is outside the cluster and its network. */ -}}
{{- define "eco2.toHttps" -}}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]
  ports:
    - {protocol: TCP, port: 443}
{{- end }}

{{- /* Another: the node's own credentials for AWS, from the instance metadata. */ -}}
{{- define "eco2.toInstanceMetadata" -}}
- to:
    - ipBlock:
        cidr: 169.254.169.254/32
  ports:
    - {protocol: TCP, port: 80}
{{- end }}
