/// Where credentials come from that do not last, such as OAuth 2 tokens or passwords out of a vault.
///
/// It is asked before each attempt to connect, and again while the connection is open when what it gave is about to expire: then
/// the broker is told the new secret, so that the connection goes on.
///
/// ```swift
/// configuration.credentialsProvider = AMQPCredentialsProvider {
///   let token = try await identity.token(for: "rabbitmq")
///   return .init(.plain(user: "", password: token.text), validFor: token.lifetime)
/// }
/// ```
public struct AMQPCredentialsProvider: Sendable {
  /// Credentials and for how long they are good.
  public struct Answer: Sendable {
    /// The credentials.
    public var credentials: AMQPCredentials
    /// For how long the broker accepts them; `nil` if they do not expire. Three quarters of the way there they are asked for
    /// again, but not more than once a second.
    public var validFor: Duration?

    /// An answer; by default one that does not expire.
    public init(_ credentials: AMQPCredentials, validFor: Duration? = nil) {
      self.credentials = credentials
      self.validFor = validFor
    }
  }

  let fetch: @Sendable () async throws -> Answer

  /// A provider. What `fetch` throws ends the attempt, and the next one asks again. It has `connectTimeout` to answer.
  public init(_ fetch: @escaping @Sendable () async throws -> Answer) { self.fetch = fetch }
}
