// swift-tools-version:6.1
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
  name: "warren-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "warren", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: [
    .target(name: "Measuring", swiftSettings: settings),
    .target(
      name: "Telemetry", dependencies: [tracing, .product(name: "CoreMetrics", package: "swift-metrics")],
      swiftSettings: settings),
    .executableTarget(
      name: "amqp-bench",
      dependencies: [
        "Measuring", arguments, .product(name: "AMQP", package: "warren"),
        .product(name: "NIOCore", package: "swift-nio"),
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "amqp-costs",
      dependencies: [
        arguments, .product(name: "AMQP", package: "warren"), .product(name: "NIOCore", package: "swift-nio"),
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "rabbitmq-bench",
      dependencies: [
        "Measuring", "Telemetry", arguments, log, tracing, .product(name: "Warren", package: "warren"),
        .product(name: "WarrenRabbitMQ", package: "warren"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "pages-bench",
      dependencies: [
        "Measuring", arguments, log, .product(name: "Warren", package: "warren"),
        .product(name: "WarrenConnect", package: "warren"),
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "application-bench",
      dependencies: [
        "Measuring", arguments, log, .product(name: "Warren", package: "warren"),
        .product(name: "WarrenSQLite", package: "warren"), .product(name: "WarrenGRDB", package: "warren"),
        .product(name: "GRDB", package: "GRDB.swift"),
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "sqlite-bench",
      dependencies: [
        "Measuring", "Telemetry", arguments, log, tracing, .product(name: "Warren", package: "warren"),
        .product(name: "WarrenSQLite", package: "warren"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
      ],
      swiftSettings: settings),
  ]
)
