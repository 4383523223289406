import Foundation
import Testing

/// The layers of event-booking: what each folder may import. Routes → Controllers → AppModules → Modules → Repositories → Model.
enum Layers {
  static let table: [String: Set<String>] = [
    "Model": ["Foundation", "Warren"],
    "Repositories": [
      "EventBookingModel", "ExampleSupport", "Foundation", "GRDB", "Mail", "ServiceLifecycle", "Synchronization",
      "Warren", "WarrenGRDB",
    ],
    "Modules": [
      "Accounts", "EventBookingModel", "EventBookingRepositories", "ExampleSupport", "Foundation", "HTTPTypes", "Mail",
      "ServiceLifecycle", "Warren",
    ],
    "AppModules": ["EventBookingModel", "EventBookingModules", "Foundation"],
    "Controllers": [
      "Accounts", "EventBookingAppModules", "EventBookingModel", "ExampleSupport", "Foundation", "Hummingbird",
    ],
    "Routes": [
      "Accounts", "EventBookingControllers", "ExampleSupport", "Foundation", "Hummingbird", "Synchronization",
      "WarrenDashboard",
    ],
    // Beside the controllers: they get requests, the workers get jobs.
    "Workers": ["EventBookingAppModules", "EventBookingModel", "Foundation", "Logging", "Mail", "Warren"],
    // Puts the layers together, and calls none but through the one below it.
    "Main": [
      "Accounts", "ArgumentParser", "EventBookingAppModules", "EventBookingControllers", "EventBookingModules",
      "EventBookingRoutes", "EventBookingWorkers", "ExampleSupport", "Foundation", "Warren",
      "WarrenDashboard",
    ],
  ]
  /// What puts messages into a queue or asks a broker about its queues.
  static let queueAccess = ["EventBus", "Outbox(", ".enqueue(", ".publish(", "Operations(", "import WarrenGRDB"]

  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Sources/event-booking").standardizedFileURL

  /// The modules that a source imports.
  static func imports(of source: String) -> [String] {
    let pattern =
      /^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)/
      .anchorsMatchLineEndings()
    return source.matches(of: pattern).map { String($0.1) }
  }

  /// What is wrong with a file of a layer.
  static func complaints(about source: String, in layer: String) -> [String] {
    guard let allowed = table[layer] else { return ["there is no layer '\(layer)'"] }
    var complaints = imports(of: source).filter { !allowed.contains($0) }.map { "\(layer) may not import \($0)" }
    if layer != "Repositories" {
      complaints += queueAccess.filter { source.contains($0) }.map { "only Repositories may use \($0)" }
    }
    return complaints
  }
}

@Suite struct ArchitectureTests {
  @Test("every import of every file is one that its layer may have")
  func imports() throws {
    let files = try #require(FileManager.default.enumerator(at: Layers.folder, includingPropertiesForKeys: nil))
    var seen: [String: Int] = [:]
    for case let file as URL in files where file.pathExtension == "swift" {
      let layer = file.path.dropFirst(Layers.folder.path.count).split(separator: "/").first.map(String.init) ?? ""
      let source = try String(contentsOf: file, encoding: .utf8)
      for complaint in Layers.complaints(about: source, in: layer) {
        Issue.record("\(layer)/\(file.lastPathComponent): \(complaint)")
      }
      seen[layer, default: 0] += 1
    }
    #expect(Set(seen.keys) == Set(Layers.table.keys), "a layer without a file, or a folder that is no layer")
  }

  @Test(
    "each layer but the one that puts them together imports the one below it, and only modules import repositories")
  func order() {
    let order = ["Routes", "Controllers", "AppModules", "Modules", "Repositories", "Model"]
    for (layer, next) in zip(order, order.dropFirst()) {
      #expect(Layers.table[layer]?.contains("EventBooking\(next)") == true, "\(layer) → \(next)")
    }
    for (position, layer) in order.enumerated() {
      for above in order.prefix(position) {
        #expect(Layers.table[layer]?.contains("EventBooking\(above)") == false, "\(layer) may import \(above)")
      }
    }
    #expect(Layers.table.filter { $0.value.contains("EventBookingRepositories") }.map(\.key) == ["Modules"])
  }

  @Test(
    "a forbidden import is found, however it is written",
    arguments: [
      ("import EventBookingRepositories", "Controllers"),
      ("@testable import EventBookingRepositories", "AppModules"),
      ("internal import struct EventBookingRepositories.Repositories", "Workers"),
      ("package import GRDB", "Modules"), ("  public import Hummingbird", "Model"),
      ("@_spi(Tests) import WarrenGRDB", "Modules"), ("let bus = EventBus(broker, source: \"x\")", "AppModules"),
    ])
  func finds(source: String, layer: String) { #expect(!Layers.complaints(about: source, in: layer).isEmpty) }
}
