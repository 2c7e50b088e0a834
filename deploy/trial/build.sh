#!/bin/sh
# Builds what TestTrial needs from the Go module proxy: etcd, kube-apiserver,
# kube-controller-manager and kubectl of one release of Kubernetes.
#
#   deploy/trial/build.sh FOLDER [v1.36.3]
set -eu
folder=$(mkdir -p "$1" && cd "$1" && pwd) version=${2:-v1.36.3}
source=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
etcd=$(sed -n 's|^\tgo.etcd.io/etcd/client/v3 \(v[^ ]*\)$|\1|p' "$source/go.mod")
module=$(mktemp -d)
trap 'rm -rf "$module"' EXIT
cd "$module"

# The requirements of Kubernetes itself, with the modules that lie beside it in
# its repository at the versions of that release: v1.36.3 is v0.36.3 of theirs.
sed -e 's|^module .*|module trial|' \
    -e "s|^\(\tk8s.io/[a-z-]* => \)./staging/src/\(k8s.io/[a-z-]*\)|\1\2 v0${version#v1}|" "$source/go.mod" > go.mod
printf 'require (\n\tk8s.io/kubernetes %s\n\tgo.etcd.io/etcd/server/v3 %s\n)\n' "$version" "$etcd" >> go.mod
cp "$source/go.sum" go.sum

of=k8s.io/component-base/version
minor=${version#v1.}
export GOFLAGS="-mod=mod -trimpath"
go build -o "$folder/etcd" go.etcd.io/etcd/server/v3
go build -ldflags "-s -w -X $of.gitVersion=$version -X $of.gitMajor=1 -X $of.gitMinor=${minor%%.*}" -o "$folder/" \
    k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kubectl
"$folder/kubectl" version --client
