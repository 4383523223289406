internal import Warren

extension Fix {
  /// The text, with the command that does it.
  var withCommand: String {
    let queue = queue?.rawValue ?? "QUEUE"
    switch action {
    case .resumeQueue: return "\(text): `warren queue resume \(queue)`"
    case .readDeadLetters:
      return "\(text): `warren dead groups --queue \(queue)`, `warren dead replay --queue \(queue)`"
    case .startWorker:
      return
        "\(text); `warren worker ls` shows which there are. If nothing is to consume it any more: `warren queue delete \(queue)`"
    case .pruneTopology: return "\(text): `warren topology prune FILE --dry-run`"
    case .applyTopology: return "\(text): `warren topology apply FILE`"
    case .resetBreaker: return "\(text): `warren breaker reset \(dependency?.rawValue ?? "DEPENDENCY")`"
    case .repair: return "\(text): `warren doctor --repair`"
    default: return text
    }
  }
}
