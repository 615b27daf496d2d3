{{/* `loco-operator` for a release called loco or loco-operator, else `<release>-loco-operator`. */}}
{{- define "loco.name" -}}
{{- if hasPrefix .Release.Name .Chart.Name -}}
{{- .Chart.Name -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The same and a word of what it is for: (list . "word"). At most 63 characters, as names of Services and Jobs. */}}
{{- define "loco.nameWith" -}}
{{- $word := last . -}}
{{- printf "%s-%s" (include "loco.name" (first .) | trunc (int (sub 62 (len $word))) | trimSuffix "-") $word -}}
{{- end -}}

{{/* Labels that never change: the Deployment's selector. */}}
{{- define "loco.selector" -}}
app.kubernetes.io/name: loco-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The same as `key=value,key=value`. */}}
{{- define "loco.selectorText" -}}
{{- $pairs := list -}}
{{- range $key, $value := include "loco.selector" . | fromYaml -}}
{{- $pairs = append $pairs (printf "%s=%s" $key $value) -}}
{{- end -}}
{{- join "," $pairs -}}
{{- end -}}

{{- define "loco.labels" -}}
{{ include "loco.selector" . }}
{{ include "loco.chartLabels" . }}
{{- end -}}

{{- define "loco.chartLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Of the Job that applies the CRDs, which is none of the operator's pods. */}}
{{- define "loco.crds.selector" -}}
app.kubernetes.io/name: loco-operator-crds
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "loco.crds.labels" -}}
{{ include "loco.crds.selector" . }}
{{ include "loco.chartLabels" . }}
{{- end -}}

{{/* An image's reference: what was given or the release's own, with the digest if there is one. */}}
{{- define "loco.image" -}}
{{- $image := .image | default (printf "ghcr.io/mroie/%s:%s" .name .version) -}}
{{- if and .digest (contains "@" $image) -}}
{{- fail (printf "%s=%q has a digest already, and %sDigest=%q is another place for it. Remove one." .setting $image .setting .digest) -}}
{{- end -}}
{{- if .digest }}{{ printf "%s@%s" $image .digest }}{{ else }}{{ $image }}{{ end -}}
{{- end -}}

{{- define "loco.operatorImage" -}}
{{- include "loco.image" (dict "setting" "operator.image" "name" "loco-operator" "version" .Chart.AppVersion "image" .Values.operator.image "digest" .Values.operator.imageDigest) -}}
{{- end -}}

{{- define "loco.machineImage" -}}
{{- include "loco.image" (dict "setting" "image" "name" "qemu-loco" "version" .Chart.AppVersion "image" .Values.image "digest" .Values.imageDigest) -}}
{{- end -}}
