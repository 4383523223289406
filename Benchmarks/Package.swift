// swift-tools-version:6.1
import PackageDescription

let package = Package(
  name: "benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "warren", path: ".."),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
  ],
  targets: [
    .executableTarget(
      name: "amqp-bench",
      dependencies: [
        .product(name: "AMQP", package: "warren"), .product(name: "NIOCore", package: "swift-nio"),
      ])
  ]
)
