internal import Foundation
internal import Spawning

/// A RabbitMQ cluster in a folder of `scripts/rabbitmq`, and what can be done to it.
struct Cluster: Sendable {
  /// The script.
  let script: String
  let folder: String
  let nodes: [String]
  let queue: String

  func kill(_ node: String) async throws { try await call("kill", node) }
  func halt(_ node: String) async throws { try await call("halt", node) }
  func freeze(_ node: String) async throws { try await call("pause", node) }
  func thaw(_ node: String) async throws { try await call("continue", node) }
  func cutOff(_ node: String) async throws { try await call("partition", node) }
  func join(_ node: String) async throws { try await call("heal", node) }
  /// Starts nodes at the same time and waits for all.
  ///
  /// - returns: The moment when so many of them were ready.
  @discardableResult
  func start(_ nodes: [String], majorityAfter count: Int = 1) async throws -> Date {
    try await withThrowingTaskGroup(of: Date.self) { group in
      for node in nodes {
        group.addTask {
          try await restart(node)
          return Date()
        }
      }
      var moments: [Date] = []
      for try await moment in group { moments.append(moment) }
      return moments[count - 1]
    }
  }
  /// Starts a node as a supervisor would: again when it ends. Nodes of 3.10 that start at once were seen to stumble over each
  /// other's feature flags.
  private func restart(_ node: String) async throws {
    for attempt in 1... {
      do {
        try await call("restart", node)
        return
      } catch  where attempt < 3 && "\(error)".contains("ended while starting") {
        print("\(node) ended while it started, and is started again")
      }
    }
  }
  /// Waits until a node sees all others.
  func waitUntilWhole(asking node: String) async throws {
    try await call("ctl", node, "await_online_nodes", "\(nodes.count)", "--timeout", "90")
  }

  /// The node that leads the queue.
  func leader() async throws -> String {
    let name = try await evaluate("{_, Node} = amqqueue:get_pid(Queue), io:format(\"~s\", [Node])")
    guard let node = nodes.first(where: { name.hasPrefix("\($0)@") }) else {
      throw ToolFailure("no node leads the queue '\(queue)': \(name)")
    }
    return node
  }
  func moveLeader(to node: String) async throws {
    _ = try await evaluate("rabbit_quorum_queue:transfer_leadership(Queue, '\(node)@localhost')")
  }
  /// How many messages lie in delay buckets although their time is over, by the node that leads the bucket.
  func overdue() async throws -> [String: Int] {
    let list = try await call("ctl", nodes[0], "list_queues", "--quiet", "name", "messages", "messages_ready", "leader")
    var counts: [String: Int] = [:]
    for line in list.split(separator: "\n") {
      let fields = line.split(separator: "\t")
      guard fields.count == 4, fields[0].hasPrefix("warren.delay."), let all = Int(fields[1]),
        let ready = Int(fields[2]),
        all > ready, let node = nodes.first(where: { fields[3].hasPrefix("\($0)@") })
      else { continue }
      counts[node, default: 0] += all - ready
    }
    return counts
  }
  /// Sets a policy on queues, as an administrator does.
  func setPolicy(_ name: String, on pattern: String, _ definition: String) async throws {
    try await call("ctl", nodes[0], "set_policy", name, pattern, definition, "--apply-to", "queues", "--priority", "9")
  }
  func clearPolicy(_ name: String) async throws { try await call("ctl", nodes[0], "clear_policy", name) }
  func delete(_ queue: String) async throws { try await call("ctl", nodes[0], "delete_queue", queue) }
  /// Closes every second connection.
  func closeConnections() async throws {
    let list = try await call("ctl", nodes[0], "list_connections", "--quiet", "pid")
    for (index, pid) in list.split(separator: "\n").enumerated() where index % 2 == 0 && pid.hasPrefix("<") {
      // It may be gone by then.
      _ = try? await call("ctl", nodes[0], "close_connection", String(pid), "a test")
    }
  }
  /// Evaluates Erlang that knows the queue as `Queue`, on the first node.
  private func evaluate(_ code: String) async throws -> String {
    let lookup = "{ok, Queue} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"/\">>, queue, <<\"\(queue)\">>))"
    return try await call("ctl", nodes[0], "eval", "\(lookup), \(code).")
  }

  /// Runs `scripts/rabbitmq VERB FOLDER ARGUMENTS`; what it prints.
  @discardableResult
  private func call(_ verb: String, _ arguments: String...) async throws -> String {
    let run = try await ChildProcess.run(script, [verb, folder] + arguments, limit: 600)
    let text = String(decoding: run.output, as: UTF8.self)
    guard run.ending == .exited(0) else {
      throw ToolFailure("rabbitmq \(verb) \(arguments.joined(separator: " ")): \(text)\(run.errors)")
    }
    return text
  }
}

struct ToolFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
