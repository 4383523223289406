// backstage.md, "Subscribing to Events": specific patterns of events, until SIGTERM or SIGINT.
// SERVICE_NAME=audit swift run --package-path Examples BackstageSubscribing
import BackstageBus
import Foundation
import Warren

let bus = try BackstageBus()

let listener = try bus.subscribeToEvents(["post.*", "user.created"]) { event in
  print("Received event:", event)
  fflush(nil)
}

try await bus.run(with: listener)
