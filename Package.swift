// swift-tools-version:6.1
import PackageDescription

/// The settings of every target of ours. They are set per target: as global flags some of them break swift-nio.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let deques = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
/// SQLite's own interface, as GRDB links it: the hot statements are bound and stepped through it.
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "warren",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "AMQP", targets: ["AMQP"]),
    .library(name: "Warren", targets: ["Warren"]),
    .library(name: "WarrenSQLite", targets: ["WarrenSQLite"]),
    .library(name: "WarrenGRDB", targets: ["WarrenGRDB"]),
    .library(name: "WarrenRabbitMQ", targets: ["WarrenRabbitMQ"]),
    .library(name: "WarrenConnect", targets: ["WarrenConnect"]),
    .library(name: "WarrenTesting", targets: ["WarrenTesting"]),
    .library(name: "WarrenOperations", targets: ["WarrenOperations"]),
    .library(name: "WarrenDashboard", targets: ["WarrenDashboard"]),
    .executable(name: "warren", targets: ["WarrenCommand"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.5.0"),
  ],
  targets: [
    .target(
      name: "AMQP", dependencies: [nioCore, nioPosix, nioSSL, nioTLS, log, coreMetrics, lifecycle, deques],
      swiftSettings: settings),
    .target(name: "CWarrenZlib", linkerSettings: [.linkedLibrary("z")]),
    .target(
      name: "Warren", dependencies: ["CWarrenZlib", log, metrics, tracing, lifecycle],
      swiftSettings: settings),
    .target(
      name: "WarrenSQLite", dependencies: ["Warren", grdb, sqlite, log, lifecycle],
      swiftSettings: settings),
    .target(
      name: "WarrenGRDB", dependencies: ["Warren", grdb, log, metrics, lifecycle],
      swiftSettings: settings),
    .target(
      name: "WarrenRabbitMQ", dependencies: ["Warren", "AMQP", nioCore, log, metrics, lifecycle],
      swiftSettings: settings),
    .target(
      name: "WarrenConnect", dependencies: ["Warren", "WarrenSQLite", "WarrenRabbitMQ", "WarrenGRDB", grdb, log],
      swiftSettings: settings),
    .target(
      name: "WarrenOperations", dependencies: ["Warren", lifecycle],
      swiftSettings: settings),
    .target(
      name: "WarrenDashboard",
      dependencies: ["Warren", "WarrenOperations", hummingbird, httpTypes, nioCore, lifecycle, log],
      resources: [
        .embedInCode("Assets/style.css"), .embedInCode("Assets/script.js"), .embedInCode("Assets/openapi.json"),
      ], swiftSettings: settings),
    .executableTarget(
      name: "WarrenCommand",
      dependencies: [
        "Warren", "WarrenConnect", "WarrenOperations", "WarrenDashboard", hummingbird, httpTypes, nioCore, nioPosix,
        lifecycle, signals, arguments, log,
      ],
      swiftSettings: settings),
    .target(
      name: "WarrenTesting", dependencies: ["Warren", "WarrenSQLite", log],
      swiftSettings: settings),
    .target(name: "CSpawning", path: "Tests/CSpawning"),
    .target(name: "Spawning", dependencies: ["CSpawning"], path: "Tests/Spawning", swiftSettings: settings),
    .target(
      name: "BrokerConformance", dependencies: ["Warren", "Spawning", log, tracing, metrics, lifecycle],
      path: "Tests/BrokerConformance", swiftSettings: settings),
    .executableTarget(
      name: "warren-ledger",
      dependencies: ["Warren", "WarrenConnect", "Spawning", lifecycle, signals, log, arguments],
      path: "Tests/Ledger", swiftSettings: settings),
    .testTarget(
      name: "WarrenTests",
      dependencies: [
        "Warren", "WarrenSQLite", "WarrenTesting", "BrokerConformance", log, metrics, tracing, lifecycle,
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "warren-outbox-crash",
      dependencies: [
        "Warren", "WarrenSQLite", "WarrenGRDB", "WarrenTesting", "BrokerConformance", "Spawning", grdb, lifecycle, log,
      ],
      path: "Tests/OutboxCrash", swiftSettings: settings),
    .testTarget(
      name: "WarrenGRDBTests",
      dependencies: [
        "Warren", "WarrenSQLite", "WarrenGRDB", "WarrenTesting", "BrokerConformance", "Spawning", grdb, log,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "WarrenSQLiteTests",
      dependencies: ["Warren", "WarrenSQLite", "WarrenTesting", "BrokerConformance", grdb, sqlite, log],
      swiftSettings: settings),
    .executableTarget(
      name: "amqp-soak", dependencies: ["AMQP", nioCore, nioPosix, log],
      path: "Tests/AMQPSoak", swiftSettings: settings),
    .testTarget(
      name: "AMQPTests", dependencies: ["AMQP", "Spawning", nioCore, nioPosix, nioSSL, log, coreMetrics, lifecycle],
      swiftSettings: settings),
    .testTarget(
      name: "WarrenRabbitMQTests",
      dependencies: [
        "Warren", "WarrenRabbitMQ", "WarrenGRDB", "WarrenOperations", "AMQP", "BrokerConformance", "Spawning", nioCore,
        grdb, log,
      ],
      exclude: ["Interop/peer.py", "Interop/documents.json"],
      swiftSettings: settings),
    .testTarget(
      name: "WarrenConnectTests", dependencies: ["Warren", "WarrenConnect", log],
      swiftSettings: settings),
    .testTarget(
      name: "WarrenOperationsTests",
      dependencies: ["Warren", "WarrenOperations", "WarrenTesting", "BrokerConformance"],
      swiftSettings: settings),
    .executableTarget(
      name: "warren-dashboard-stage",
      dependencies: [
        "Warren", "WarrenConnect", "WarrenDashboard", "WarrenOperations", "WarrenGRDB", grdb, lifecycle, signals, log,
        arguments,
      ],
      path: "Tests/DashboardStage", swiftSettings: settings),
    .testTarget(
      name: "WarrenDashboardTests",
      dependencies: [
        "Warren", "WarrenOperations", "WarrenDashboard", "WarrenTesting", "BrokerConformance", hummingbird,
        hummingbirdTesting, httpTypes, nioCore, log,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "WarrenCommandTests",
      dependencies: ["Warren", "WarrenSQLite", "WarrenGRDB", "WarrenCommand", "Spawning", grdb, log, arguments],
      swiftSettings: settings),
  ]
)
