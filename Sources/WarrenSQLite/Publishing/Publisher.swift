internal import Foundation
internal import Warren

/// Checks messages and hands them to the writer.
struct Publisher {
  let writer: Writer
  let configuration: SQLiteConfiguration

  /// What this engine does with repeats.
  static let uniqueness: Set<Uniqueness.Repeat.Kind> = [.keep, .replace, .debounce]

  /// What cannot be stored is refused alone; the others are stored together.
  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    try await publications.send(checking: check) { admitted throws(BrokerError) in
      try await writer.publish(admitted)
    }
  }

  func check(_ publication: Publication) throws(BrokerError) {
    try publication.validate(uniqueness: Self.uniqueness, largestBody: configuration.largestBody)
  }
}
