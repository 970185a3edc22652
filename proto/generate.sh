#!/usr/bin/env bash
# Generates the Swift code of the .proto files anew. Needed only when one of them changes: the
# result is committed. Builds the two plugins in a scratch package; protoc comes from Debian's
# protobuf-compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=${SCRATCH:-.build-proto}
mkdir -p "$scratch/Sources"
cat > "$scratch/Package.swift" <<'PKG'
// swift-tools-version: 6.2
import PackageDescription
let package = Package(
  name: "plugins",
  dependencies: [
    .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0"),
    .package(url: "https://github.com/grpc/grpc-swift-protobuf", exact: "2.4.1"),
  ],
  targets: [.executableTarget(name: "plugins", path: "Sources")])
PKG
echo 'print("plugins")' > "$scratch/Sources/main.swift"
swift build --package-path "$scratch" --product protoc-gen-swift
swift build --package-path "$scratch" --product protoc-gen-grpc-swift-2
plugins=$(swift build --package-path "$scratch" --show-bin-path)
protoc -I proto --plugin="$plugins/protoc-gen-swift" \
  --swift_out=Sources/Shared/AuditRecordProto \
  --swift_opt=Visibility=Package,FileNaming=DropPath \
  sallyport/audit/v1/audit_record.proto
protoc -I proto --plugin="$plugins/protoc-gen-swift" --plugin="$plugins/protoc-gen-grpc-swift-2" \
  --swift_out=Sources/Shared/AgentLink --swift_opt=Visibility=Package,FileNaming=DropPath \
  --grpc-swift-2_out=Sources/Shared/AgentLink \
  --grpc-swift-2_opt=Visibility=Package,FileNaming=DropPath \
  sallyport/link/v1/agent_link.proto
