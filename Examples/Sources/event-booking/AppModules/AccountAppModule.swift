package import EventBookingModel
package import EventBookingModules

/// Who one is.
package struct AccountAppModule: Sendable {
  private let modules: Modules
  package init(_ modules: Modules) { self.modules = modules }

  package func register(name: String?, email: String?, password: String, role: String?) async throws -> User {
    try await modules.accounts.register(name: name, email: email, password: password, role: role)
  }
  package func logIn(email: String?, password: String) async throws -> String {
    try await modules.accounts.logIn(email: email, password: password)
  }
}
