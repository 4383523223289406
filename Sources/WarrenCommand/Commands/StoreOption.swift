internal import ArgumentParser
internal import Foundation
internal import Warren
internal import WarrenConnect

/// Where it is kept what an engine cannot hold.
struct StoreOption: ParsableArguments {
  @Option(
    help: ArgumentHelp("The store, if it is not the broker: sqlite:PATH (default: $WARREN_STORE).", valueName: "url"),
    completion: .file())
  var store: String?

  /// The store that is named; `nil`: the broker is it, where it can be.
  func open() throws -> (any StateStore)? {
    guard let text = store ?? ProcessInfo.processInfo.environment["WARREN_STORE"], !text.isEmpty else { return nil }
    return try BrokerAddress(text).openStore()
  }
}
