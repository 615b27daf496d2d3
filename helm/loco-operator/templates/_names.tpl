{{/* `loco-operator` for a release called loco or loco-operator, else `<release>-loco-operator`. */}}
{{- define "loco.name" -}}
{{- if hasPrefix .Release.Name .Chart.Name -}}
{{- .Chart.Name -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels that never change: the Deployment's selector. */}}
{{- define "loco.selector" -}}
app.kubernetes.io/name: loco-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "loco.labels" -}}
{{ include "loco.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "loco.operatorImage" -}}
{{- .Values.operator.image | default (printf "ghcr.io/mroie/loco-operator:%s" .Chart.AppVersion) -}}
{{- end -}}

{{- define "loco.machineImage" -}}
{{- .Values.image | default (printf "ghcr.io/mroie/qemu-loco:%s" .Chart.AppVersion) -}}
{{- end -}}
