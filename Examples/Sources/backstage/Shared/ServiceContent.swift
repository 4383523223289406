internal import Hummingbird
internal import Warren

/// What a service is: routes, and handlers of what is in its queue.
protocol ServiceContent: Sendable {
  /// Its data; a service without any keeps nothing.
  var store: ServiceStore? { get }
  /// Adds its routes.
  func add(to routes: RouterGroup<BasicRequestContext>)
  /// Its handlers.
  @WorkerBuilder func handlers() -> [WorkerComponent]
}

extension ServiceContent {
  func add(to routes: RouterGroup<BasicRequestContext>) {}
  func handlers() -> [WorkerComponent] { [] }
}
