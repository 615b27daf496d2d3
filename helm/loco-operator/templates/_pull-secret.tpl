{{/*
An Emulator's pull secret for its snapshot, as JSON: what was said, with the name that it has in any case, and the host
that the credentials are for.
*/}}
{{- define "loco.pullSecret" -}}
{{- $secret := deepCopy .snapshotPullSecret -}}
{{- $host := splitList "/" .snapshotRegistry | first -}}
{{- /* Docker Hub's credentials are kept under the address that it once had. */ -}}
{{- $_ := set $secret "host" (ternary "https://index.docker.io/v1/" $host (eq $host "docker.io")) -}}
{{- if and .snapshotPullSecret.create (not .snapshotPullSecret.name) -}}
{{- $_ := set $secret "name" (printf "%s-snapshot" .name) -}}
{{- end -}}
{{- toJson $secret -}}
{{- end -}}

{{/* The text of a Secret of type kubernetes.io/dockerconfigjson. */}}
{{- define "loco.pullSecret.docker" -}}
{{- $auth := printf "%s:%s" .username .password | b64enc -}}
{{- dict "auths" (dict .host (dict "username" .username "password" .password "auth" $auth)) | toJson -}}
{{- end -}}
