{{- define "torchserve.namespace" -}}
{{ default .Release.Namespace .Values.namespace }}
{{- end }}

{{- define "torchserve.labels" -}}
app: torchserve
app.kubernetes.io/name: torchserve
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "torchserve.selector" -}}
app: torchserve
{{- end }}

{{- define "torchserve.mount" -}}
{{ trimSuffix "/" .Values.torchserve.pvd_mount }}
{{- end }}

{{- define "torchserve.modelStore" -}}
{{ default (printf "%s/model-store/" (include "torchserve.mount" .)) .Values.torchserve.model_store }}
{{- end }}

{{/* The settings file: one of the values, one that is named, or that of the volume. */}}
{{- define "torchserve.config" -}}
{{- if .Values.settings -}}
/etc/torchserve/settings/config.properties
{{- else -}}
{{ default (printf "%s/config/config.properties" (include "torchserve.mount" .)) .Values.torchserve.config }}
{{- end -}}
{{- end }}

{{- define "torchserve.tokensSecret" -}}
{{ default "torchserve-tokens" .Values.tokens.secret }}
{{- end }}

{{- define "torchserve.isInternal" -}}
{{- if eq .Values.service.type "ClusterIP" }}true{{ end -}}
{{- end }}
