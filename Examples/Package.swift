// swift-tools-version:6.1
import PackageDescription

/// The settings of every target of ours, the same as in the package above.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

let warren = Target.Dependency.product(name: "Warren", package: "warren")
let sqlite = Target.Dependency.product(name: "WarrenSQLite", package: "warren")
let outbox = Target.Dependency.product(name: "WarrenGRDB", package: "warren")
let dashboard = Target.Dependency.product(name: "WarrenDashboard", package: "warren")
let connect = Target.Dependency.product(name: "WarrenConnect", package: "warren")
let testing = Target.Dependency.product(name: "WarrenTesting", package: "warren")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let http = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let jwt = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

/// A layer of event-booking, and what it may use: `EventBookingTests` compares the imports of every file with that.
func layer(_ name: String, in folder: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Sources/event-booking/\(folder)", swiftSettings: settings)
}

/// A code sample of one of the five documents, in Swift: one file, which is a program. As in a package of one's own, imports are as they are.
func sample(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, path: "Samples", sources: ["\(name).swift"],
    swiftSettings: [.swiftLanguageMode(.v6)])
}

let package = Package(
  name: "warren-examples",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "backstage", targets: ["backstage"]),
    .executable(name: "backstage-listener", targets: ["backstage-listener"]),
    .executable(name: "bookspace", targets: ["bookspace"]),
    .executable(name: "event-booking", targets: ["event-booking"]),
    .executable(name: "movie-booking", targets: ["movie-booking"]),
    .executable(name: "tutorgo", targets: ["tutorgo"]),
  ],
  dependencies: [
    .package(name: "warren", path: ".."),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.92.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.5.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.0"),
  ],
  targets: [
    .target(
      name: "ExampleSupport",
      dependencies: [
        "Accounts", "Mail", warren, connect, hummingbird, grdb, arguments, log, metrics, lifecycle, nio, http, signals,
      ],
      swiftSettings: settings),
    .target(name: "CCurl", linkerSettings: [.linkedLibrary("curl")]),
    .target(name: "Mail", dependencies: ["CCurl", nioPosix], swiftSettings: settings),
    .target(name: "Accounts", dependencies: [crypto, cryptoExtras, jwt, grdb, nioPosix], swiftSettings: settings),
    .target(
      name: "BackstageBus",
      dependencies: ["ExampleSupport", warren, outbox, connect, crypto, grdb, log, lifecycle, signals],
      path: "Sources/backstage/Bus", swiftSettings: settings),
    .executableTarget(
      name: "backstage",
      dependencies: [
        "BackstageBus", "ExampleSupport", "Mail", warren, outbox, hummingbird, http, grdb, arguments, log, lifecycle,
      ],
      path: "Sources/backstage", exclude: ["Bus", "Listener"], swiftSettings: settings),
    .executableTarget(
      name: "backstage-listener", dependencies: ["BackstageBus", warren],
      path: "Sources/backstage/Listener", swiftSettings: settings),
    .executableTarget(
      name: "bookspace",
      dependencies: ["ExampleSupport", warren, outbox, hummingbird, grdb, arguments, log, lifecycle],
      swiftSettings: settings),
    .executableTarget(
      name: "movie-booking",
      dependencies: [
        "Accounts", "ExampleSupport", "Mail", warren, outbox, hummingbird, http, mustache, grdb, arguments, log,
      ],
      swiftSettings: settings),
    layer("EventBookingModel", in: "Model", [warren]),
    layer(
      "EventBookingRepositories", in: "Repositories",
      ["EventBookingModel", "ExampleSupport", "Mail", warren, outbox, grdb, lifecycle]),
    layer(
      "EventBookingModules", in: "Modules",
      ["EventBookingRepositories", "EventBookingModel", "Accounts", "ExampleSupport", "Mail", warren, http, lifecycle]),
    layer("EventBookingAppModules", in: "AppModules", ["EventBookingModules", "EventBookingModel"]),
    layer(
      "EventBookingControllers", in: "Controllers",
      ["EventBookingAppModules", "EventBookingModel", "Accounts", "ExampleSupport", hummingbird]),
    layer(
      "EventBookingRoutes", in: "Routes",
      ["EventBookingControllers", "Accounts", "ExampleSupport", hummingbird, dashboard]),
    layer("EventBookingWorkers", in: "Workers", ["EventBookingAppModules", "EventBookingModel", "Mail", warren, log]),
    .executableTarget(
      name: "event-booking",
      dependencies: [
        "EventBookingRoutes", "EventBookingControllers", "EventBookingWorkers", "EventBookingAppModules",
        "EventBookingModules", "Accounts", "ExampleSupport", "Mail", warren, dashboard, arguments,
      ],
      path: "Sources/event-booking/Main", swiftSettings: settings),
    .target(
      name: "TutorGoMessaging", dependencies: [warren, connect, lifecycle, log],
      path: "Sources/tutorgo/Messaging", swiftSettings: settings),
    .executableTarget(
      name: "tutorgo",
      dependencies: [
        "TutorGoMessaging", "ExampleSupport", "Mail", warren, outbox, hummingbird, http, grdb, arguments, log,
      ],
      path: "Sources/tutorgo/Services", swiftSettings: settings),
    sample("BackstagePublishing", ["BackstageBus", warren]),
    sample("BackstageSubscribing", ["BackstageBus", warren]),
    sample("BackstagePublications", ["BackstageBus", warren]),
    sample("BackstageNotifications", ["BackstageBus", warren]),
    sample("BookSpaceEvents", [warren, connect, lifecycle, log]),
    sample("EventBookingFanOut", [warren, connect, lifecycle, log]),
    sample("MovieBookingQueue", [warren, connect, lifecycle, log]),
    sample("TutorGoConsumer", ["TutorGoMessaging", warren, connect]),
    sample("TutorGoPublisher", ["TutorGoMessaging", warren, connect]),
    .testTarget(
      name: "TutorGoTests",
      dependencies: [
        "TutorGoMessaging", "tutorgo", "ExampleSupport", "Mail", warren, connect, testing, hummingbird,
        hummingbirdTesting, grdb, http, nio, log,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "EventBookingTests",
      dependencies: [
        "EventBookingRoutes", "EventBookingControllers", "EventBookingWorkers", "EventBookingAppModules",
        "EventBookingModules", "EventBookingModel", "Accounts", "ExampleSupport", "Mail", warren, dashboard, testing,
        hummingbird, hummingbirdTesting, grdb, log,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "BackstageTests",
      dependencies: [
        "BackstageBus", "backstage", "ExampleSupport", warren, outbox, connect, testing, hummingbird,
        hummingbirdTesting, log, nio,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "MovieBookingTests",
      dependencies: ["Accounts", "ExampleSupport", "Mail", "movie-booking", warren, hummingbird, hummingbirdTesting],
      swiftSettings: settings),
    .testTarget(name: "MailTests", dependencies: ["Mail"], exclude: ["smtp_server.py"], swiftSettings: settings),
    .testTarget(name: "AccountsTests", dependencies: ["Accounts", grdb], swiftSettings: settings),
    .testTarget(
      name: "BookSpaceTests",
      dependencies: [
        "bookspace", "ExampleSupport", warren, outbox, sqlite, connect, hummingbird, hummingbirdTesting, grdb, log,
        metrics,
        nio, http,
      ],
      swiftSettings: settings),
  ]
)
