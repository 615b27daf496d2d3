{{/* Namespaces that the operator serves, separated by commas; empty: all of them. */}}
{{- define "loco.scope.namespaces" -}}
{{- if eq .Values.scope.kind "Own" -}}
{{- .Release.Namespace -}}
{{- else if eq .Values.scope.kind "Namespaces" -}}
{{- join "," .Values.scope.namespaces -}}
{{- end -}}
{{- end -}}

{{/* Stops where the chart makes Emulators in a namespace that its operator doesn't serve. */}}
{{- define "loco.scope.validate" -}}
{{- if and (eq .Values.scope.kind "Namespaces") (not (has .Release.Namespace .Values.scope.namespaces)) -}}
{{- fail (printf "Emulators of the chart are made in the namespace %s, which scope.namespaces (%s) leaves out: nobody would serve them. Add %s to scope.namespaces, or leave the Emulators out and apply them in one of those namespaces." .Release.Namespace (join ", " .Values.scope.namespaces) .Release.Namespace) -}}
{{- end -}}
{{- end -}}
