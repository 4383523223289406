internal import Synchronization

/// A yes or no that threads share.
final class Flag: Sendable {
  private let value: Atomic<Bool>
  init(_ value: Bool) { self.value = Atomic(value) }
  func set(_ value: Bool) { self.value.store(value, ordering: .releasing) }
  var isSet: Bool { value.load(ordering: .acquiring) }
}
