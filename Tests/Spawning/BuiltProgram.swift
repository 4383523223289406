internal import Foundation

/// A program of this package, built beside the tests.
public enum BuiltProgram {
  private struct Missing: Error, CustomStringConvertible {
    let name: String
    var description: String { "the program is not built: swift build --product \(name)" }
  }

  /// Its path.
  public static func path(_ name: String) throws -> String {
    // The test bundle, or on macOS the program that runs it, lies in the folder of the products.
    let bundles = Bundle.allBundles.map(\.bundlePath).filter { $0.hasSuffix(".xctest") }
    let folders = (bundles + [CommandLine.arguments[0]]).map { URL(fileURLWithPath: $0).deletingLastPathComponent() }
    let found = folders.map { $0.appendingPathComponent(name).path }.first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
    guard let found else { throw Missing(name: name) }
    return found
  }
}
