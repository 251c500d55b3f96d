{{- define "tapeflow.labels" -}}
app.kubernetes.io/name: tapeflow
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}
{{- /* The flows that run: live and history always, the others where their values say so. */}}
{{- define "tapeflow.flows" -}}
live history
{{- range $flow := list "alerts" "analytics" "quotes" }}
{{- if (index $.Values $flow).enabled }} {{ $flow }}{{ end }}
{{- end }}
{{- end }}
{{- define "tapeflow.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- define "tapeflow.gatewayKey" -}}
{{- range $name, $value := .Values.settings }}
{{- if has (lower $name) (list "gateway_token_secret" "gateway_token_public_key" "gateway_jwks_url") }}{{ $value }}{{ end }}
{{- end }}
{{- end }}
{{- /* Helm reads every number of a values file as a float: printed as it is, 3600000 would be 3.6e+06. */}}
{{- define "tapeflow.setting" -}}
{{- if kindIs "map" . }}{{ toJson . }}
{{- else if kindIs "slice" . }}{{ join "," . }}
{{- else if and (kindIs "float64" .) (eq (floor .) (float64 .)) }}{{ int64 . }}
{{- else if not (kindIs "invalid" .) }}{{ toString . }}
{{- end }}
{{- end }}
{{- define "tapeflow.environment" -}}
- configMapRef:
    name: {{ .Release.Name }}-settings
{{- if .Values.secretName }}
- secretRef:
    name: {{ .Values.secretName }}
{{- end }}
{{- end }}

{{/* Where each process of the flows serves its metrics: several replicas are a process each, one has its processes on ports of their own. */}}
{{- define "tapeflow.flowMetrics" -}}
{{- range $flow := splitList " " (include "tapeflow.flows" $) -}}
{{- $values := index $.Values $flow -}}
{{- $service := printf "%s-%s" $.Release.Name $flow -}}
{{- if gt (int $values.replicas) 1 -}}
{{- range $pod := until (int $values.replicas) -}}
{{- printf "%s=http://%s-%d.%s:%d/metrics," $flow $service $pod $service (int $.Values.metricsPort) -}}
{{- end -}}
{{- else -}}
{{- range $worker := until (int $values.processes) -}}
{{- printf "%s=http://%s-0.%s:%d/metrics," $flow $service $service (add $.Values.metricsPort $worker) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
