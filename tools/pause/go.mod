module loco-operator/tools/pause

go 1.26.0
