import DequeModule
import NIOCore

/// The secrets of a connection, such as tokens in the place of a password: which of them the next connection begins with, and
/// which ones the open connection's broker was told and has not answered.
///
/// It decides; others do I/O. A secret is given by the user, or comes from a provider, which is asked again for the next
/// connection. The broker answers in the order in which it was told, so an answer belongs to the oldest secret that has none,
/// also if its caller gave up.
struct SecretMachine {
  /// A secret that the user gave. Each is another one, also if the text is the same.
  struct Secret: Sendable, Equatable {
    let number: Int
    let text: String
  }

  enum Action {
    case send(Method)
    case finish(Request, Result<Request.Answer, AMQPError>)
  }

  private enum State {
    /// There is no connection.
    case down
    /// A connection is being opened, and the newest secret when it began was this one; `nil` for the configured password.
    case opening(Secret?)
    /// It is open. The broker took this one last, or the connection began with it.
    case open(taken: Secret?, told: Deque<Told>)
  }

  /// A secret that the broker was told.
  private struct Told {
    /// `nil` for one from a provider.
    let secret: Secret?
    /// The call that waits for the answer; `nil` if there is none, or it gave up.
    var request: Request?
  }

  private var state = State.down
  /// What the next connection begins with: the newest secret that was given and that no broker has refused. `nil` for the
  /// configured password.
  private(set) var newest: Secret?
  private var given = 0

  /// Whether a call waits for an answer.
  var isAwaited: Bool {
    guard case .open(_, let told) = state else { return false }
    return told.contains { $0.request != nil }
  }

  /// The user gives a secret. One that is given while the connection is being opened is told once it is open.
  mutating func give(_ text: String, reason: String, _ request: Request) -> [Action] {
    given += 1
    let secret = Secret(number: given, text: text)
    newest = secret
    switch state {
    case .down, .opening: return [.finish(request, .success(Self.taken))]
    case .open: return tell(Told(secret: secret, request: request), text, reason)
    }
  }

  /// The provider gave a secret for the open connection.
  mutating func renew(_ text: String, _ request: Request) -> [Action] {
    guard case .open = state else { return [.finish(request, .failure(Self.notOpen))] }
    return tell(Told(secret: nil, request: request), text, "the old one expires")
  }

  private mutating func tell(_ told: Told, _ text: String, _ reason: String) -> [Action] {
    guard case .open(let taken, var all) = state else { return [] }
    all.append(told)
    state = .open(taken: taken, told: all)
    return [.send(.connectionUpdateSecret(secret: ByteBuffer(string: text), reason: reason))]
  }

  /// A call does not wait any more. Its secret keeps its place, so that the answer is not taken for another's.
  mutating func giveUp(_ request: Request, _ error: AMQPError) -> [Action] {
    guard request.isOpen else { return [] }
    if case .open(let taken, var told) = state, let index = told.firstIndex(where: { $0.request === request }) {
      told[index].request = nil
      state = .open(taken: taken, told: told)
    }
    return [.finish(request, .failure(error))]
  }

  // MARK: The connection

  /// A connection begins. It knows the secrets up to this one, with which it logs in if there is no provider.
  mutating func connects(with secret: Secret?) { state = .opening(secret) }

  /// It is open.
  mutating func opened() -> [Action] {
    guard case .opening(let known) = state else { return [] }
    state = .open(taken: known, told: [])
    guard let newest, newest != known else { return [] }
    return tell(Told(secret: newest), newest.text, "it was given while the connection was being opened")
  }

  /// The broker took the oldest secret that it was told and has not answered.
  mutating func answered() -> [Action] {
    guard case .open(let taken, var told) = state, let first = told.popFirst() else { return [] }
    state = .open(taken: first.secret ?? taken, told: told)
    return first.request.map { [.finish($0, .success(Self.taken))] } ?? []
  }

  /// The secret that was to be sent last does not fit the wire.
  mutating func sendingFailed(_ error: AMQPError) -> [Action] {
    guard case .open(let taken, var told) = state, let last = told.popLast() else { return [] }
    state = .open(taken: taken, told: told)
    return last.request.map { [.finish($0, .failure(error))] } ?? []
  }

  /// The connection is gone. If its broker refused a secret, that is the oldest without an answer, and the next connection does
  /// not begin with it.
  ///
  /// - parameter isRefusal: Whether the broker ended the connection over a secret.
  mutating func ended(_ error: AMQPError, isRefusal: Bool) -> [Action] {
    guard case .open(let taken, let told) = state else {
      state = .down
      return []
    }
    state = .down
    if isRefusal, let refused = told.first?.secret, refused == newest { newest = taken }
    return told.enumerated().compactMap { index, told in
      told.request.map { .finish($0, .failure(isRefusal && index == 0 ? error : error.forBystanders)) }
    }
  }

  private static let taken = Request.Answer(method: .connectionUpdateSecretOk)
  private static let notOpen = AMQPError(.connectionLost, "The connection was lost.")
}
