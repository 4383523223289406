internal import ArgumentParser
internal import BackstageBus
internal import ExampleSupport
internal import Foundation
internal import Logging
internal import ServiceLifecycle
internal import Warren
internal import WarrenGRDB

/// The services of the system.
enum ServiceKind: String, CaseIterable, ExpressibleByArgument {
  case users, publications, tickets, market, notifications, email, analytics

  /// Where it listens when it is started alone: 3021 to 3027.
  var port: UInt16 { 3021 + UInt16(Self.allCases.firstIndex(of: self) ?? 0) }

  static let apis: Set<ServiceKind> = [.users, .publications, .tickets, .market]
}

/// A service and what it is called: by that it has its queue and its data file.
struct Identity: Sendable {
  let kind: ServiceKind
  let name: String
  var queue: Queue { Layout.queue(of: name) }

  /// Handles what the service subscribes to (`Layout.subscriptions`).
  func subscription(@Subscription.Builder _ handlers: () -> [Subscription.Item]) -> Subscription {
    Subscription(queue, on: Layout.events, to: Layout.subscriptions[kind.rawValue] ?? [], handlers: handlers)
      .codec(BackstageCodec(service: name))
  }
}

/// Which services a process has, and what it does of them.
struct ProcessPlan {
  let members: [Identity]
  /// Whose routes it serves.
  let routes: Set<ServiceKind>
  /// Whose events it takes, and whose outboxes it empties.
  let works: Set<ServiceKind>

  init(_ part: Backstage.Part, _ name: ServiceKind?, serviceName: String?) throws {
    let all = Set(ServiceKind.allCases)
    let alone = name.map { Set([$0]) } ?? []
    // What notifications and analytics answer comes from their files, which API and worker share.
    let readable = ServiceKind.apis.union([.notifications, .analytics])
    (routes, works) =
      switch part {
      case .all: (all, all)
      case .api: (readable, ServiceKind.apis)
      case .worker: ([], all.subtracting(ServiceKind.apis))
      case .service: (alone, alone)
      }
    let present = routes.union(works)
    let own = serviceName.flatMap { $0.isEmpty ? nil : $0 }
    if let own {
      guard let name else {
        throw StartError(
          "SERVICE_NAME is '\(own)', and names one service: start it with 'backstage service NAME', or leave the variable out"
        )
      }
      try BackstageBus.check(own)
      if own != name.rawValue, ServiceKind(rawValue: own) != nil {
        throw StartError(
          "SERVICE_NAME is '\(own)', which is another service than '\(name)': it would take that one's events. Choose another name"
        )
      }
    }
    members = ServiceKind.allCases.filter(present.contains).map { Identity(kind: $0, name: own ?? $0.rawValue) }
  }

  /// That of the system, and the queue of a service with another name.
  func topology() throws -> Topology {
    var topology = try Layout.topology()
    for member in members where Layout.subscriptions[member.kind.rawValue] != nil {
      topology = try topology.merging(Layout.topology(of: member.kind.rawValue, named: member.name))
    }
    return topology
  }
}
