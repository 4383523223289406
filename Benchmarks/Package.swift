// swift-tools-version:6.1
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
  name: "warren-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "warren", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
  ],
  targets: [
    .executableTarget(
      name: "amqp-bench",
      dependencies: [
        .product(name: "AMQP", package: "warren"), .product(name: "NIOCore", package: "swift-nio"),
      ]),
    .executableTarget(
      name: "sqlite-bench",
      dependencies: [
        .product(name: "Warren", package: "warren"), .product(name: "WarrenSQLite", package: "warren"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings),
  ]
)
