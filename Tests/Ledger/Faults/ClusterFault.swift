internal import Foundation
internal import Spawning

/// One thing that is done to a cluster of three, and undone.
struct ClusterFault: Sendable {
  enum Kind: CaseIterable {
    case killNode, killLeader, freezeNode, freezeLeaderForLong, partition, killMajority, freezeMajority, killAll
    case restartInTurn, moveLeader
  }
  let kind: Kind
  /// All nodes, those that it hits first.
  let nodes: [String]
  /// How long it lasts.
  let hold: Duration

  /// Whether a node stands still that no client can tell from a slow one. How long that lasts is decided by the cluster, which
  /// elects another leader when it doubts, and by the clients' heartbeat.
  var isFreeze: Bool { kind == .freezeNode || kind == .freezeLeaderForLong }

  /// The faults of a run: as many as are wanted, each kind once before any comes again.
  static func all(_ count: Int, nodes: [String], using random: inout Seeded) -> [ClusterFault] {
    var kinds: [Kind] = []
    return (0..<count).map { _ in
      if kinds.isEmpty { kinds = Kind.allCases.shuffled(using: &random) }
      let kind = kinds.removeLast()
      return ClusterFault(
        kind: kind, nodes: nodes.shuffled(using: &random),
        // For long is longer than the clients' heartbeat lets them believe in a node.
        hold: .seconds(kind == .freezeLeaderForLong ? 25 : Int.random(in: 3...8, using: &random)))
    }
  }

  /// Does it and undoes it; returns when the cluster is whole again.
  ///
  /// - returns: The moment from which on a majority was there without interruption.
  func happen(to cluster: Cluster) async throws -> Date {
    var majority = Date()
    switch kind {
    case .killNode, .killLeader:
      let node = kind == .killNode ? nodes[0] : try await cluster.leader()
      majority = Date()
      try await cluster.kill(node)
      try await Task.sleep(for: hold)
      try await cluster.start([node])
    case .freezeNode, .freezeLeaderForLong:
      let node = kind == .freezeNode ? nodes[0] : try await cluster.leader()
      majority = Date()
      try await cluster.freeze(node)
      try await Task.sleep(for: hold)
      try await cluster.thaw(node)
    case .partition:
      try await cluster.cutOff(nodes[0])
      try await Task.sleep(for: hold)
      try await cluster.join(nodes[0])
    case .killMajority, .killAll:
      let victims = Array(nodes.prefix(kind == .killAll ? 3 : 2))
      for node in victims { try await cluster.kill(node) }
      try await Task.sleep(for: hold)
      majority = try await cluster.start(victims, majorityAfter: victims.count - 1)
    case .freezeMajority:
      for node in nodes.prefix(2) { try await cluster.freeze(node) }
      try await Task.sleep(for: hold)
      for node in nodes.prefix(2) { try await cluster.thaw(node) }
      majority = Date()
    case .restartInTurn:
      for node in nodes {
        try await cluster.halt(node)
        try await cluster.start([node])
        try await cluster.waitUntilWhole(asking: node)
      }
    case .moveLeader:
      for node in nodes {
        try await cluster.moveLeader(to: node)
        try await Task.sleep(for: hold / 4)
      }
    }
    // Of those that it hits, one may not be back yet, and cannot be asked.
    try await cluster.waitUntilWhole(asking: nodes[nodes.count - 1])
    return majority
  }
}

extension ClusterFault: CustomStringConvertible {
  var description: String {
    let seconds = "for \(hold.components.seconds) s"
    return switch kind {
    case .killNode: "kill \(nodes[0]) \(seconds)"
    case .killLeader: "kill the leader \(seconds)"
    case .freezeNode: "freeze \(nodes[0]) \(seconds)"
    case .freezeLeaderForLong: "freeze the leader \(seconds)"
    case .partition: "cut \(nodes[0]) off \(seconds)"
    case .killMajority: "kill \(nodes[0]) and \(nodes[1]) \(seconds)"
    case .freezeMajority: "freeze \(nodes[0]) and \(nodes[1]) \(seconds)"
    case .killAll: "kill all three \(seconds)"
    case .restartInTurn: "restart in turn: \(nodes.joined(separator: ", "))"
    case .moveLeader: "move the leader: \(nodes.joined(separator: ", "))"
    }
  }
}
