package import Foundation

/// Who may use the system.
package struct User: Codable, Sendable, Equatable {
  /// What a user may do.
  package enum Role: String, Codable, Sendable, CaseIterable {
    /// Makes and changes events.
    case organizer
    /// Books tickets.
    case customer
    /// Sees the queues. There is one, named by the environment, and it has no row.
    case administrator
  }
  package var userId: String
  package var name: String
  /// In lower case, each once: so each customer has an address of its own.
  package var email: String
  package var passwordHash: String
  package var role: Role
  package var createdAt: Date

  package init(userId: String, name: String, email: String, passwordHash: String, role: Role, createdAt: Date) {
    self.userId = userId
    self.name = name
    self.email = email
    self.passwordHash = passwordHash
    self.role = role
    self.createdAt = createdAt
  }
}
