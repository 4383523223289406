// A service that backstage does not know: SERVICE_NAME=audit backstage-listener 'post.*' user.created
import BackstageBus
import Foundation
import Warren

let bus = try BackstageBus()
let patterns = CommandLine.arguments.dropFirst().map { RoutingKey($0) }
let listener = try bus.subscribeToEvents(patterns) { event in
  // The document's listener prints what it receives; that is its whole work.
  print("Received event:", event)
  fflush(nil)
}
try await bus.run(with: listener)
