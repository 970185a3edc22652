import ControlCore
import Foundation
import PeerIdentity
import Testing

@Suite struct KeysTests {
  private let settings = ControlSettings(
    organisation: "acme", version: "0.1", linkAddress: "c:1", serverNames: ["localhost", "::1"])
  private let surroundings = Plane.surroundings { 1_800_000_000 }

  private func open(
    _ store: MemoryStore, _ file: MemoryKeyFile, _ settings: ControlSettings? = nil
  ) async throws(ControlError) -> ControlKeys {
    try await ControlKeys.open(
      store: store, wrappingKey: file, settings: settings ?? self.settings,
      surroundings: surroundings)
  }

  @Test func keysAreCreatedOnceAndOpenedAgain() async throws {
    let store = MemoryStore()
    let file = MemoryKeyFile()
    let first = try await open(store, file)
    let second = try await open(store, file)
    #expect(first.authority == second.authority)
    #expect(first.policyPublicKeys == second.policyPublicKeys)
    #expect(file.key.withLock { $0 }?.count == 32)
  }

  @Test func sealedKeysShowNothing() async throws {
    let store = MemoryStore()
    _ = try await open(store, MemoryKeyFile())
    for secret in store.state.withLock({ $0.secrets }) {
      let text = String(decoding: secret.sealed, as: UTF8.self)
      #expect(!text.contains("PRIVATE KEY"))
      #expect(!text.contains("acme"))
    }
  }

  @Test func missingKeyFileIsNotReplaced() async throws {
    let store = MemoryStore()
    let file = MemoryKeyFile()
    _ = try await open(store, file)
    file.key.withLock { $0 = nil }
    let error = await #expect(throws: ControlError.self) { try await open(store, file) }
    #expect(error?.message.contains("missing") == true)
    #expect(error?.message.contains(file.name) == true)
    #expect(file.key.withLock { $0 } == nil)
  }

  @Test func wrongKeyFileIsSaid() async throws {
    let store = MemoryStore()
    let file = MemoryKeyFile()
    _ = try await open(store, file)
    file.key.withLock { $0 = [UInt8](repeating: 9, count: 32) }
    let error = await #expect(throws: ControlError.self) { try await open(store, file) }
    #expect(error?.message.contains("not the one") == true)
  }

  @Test func secretsCannotChangePlaces() async throws {
    let store = MemoryStore()
    let file = MemoryKeyFile()
    _ = try await open(store, file)
    store.state.withLock { state in
      let policy = state.secrets.firstIndex { $0.name == "policy-key" } ?? 0
      let token = state.secrets.firstIndex { $0.name == "token-key" } ?? 0
      let sealed = state.secrets[policy].sealed
      state.secrets[policy].sealed = state.secrets[token].sealed
      state.secrets[token].sealed = sealed
    }
    await #expect(throws: ControlError.self) { try await open(store, file) }
  }

  @Test func databaseOfAnotherOrganisationIsRefused() async throws {
    let store = MemoryStore()
    let file = MemoryKeyFile()
    _ = try await open(store, file)
    var other = settings
    other.organisation = "globex"
    let error = await #expect(throws: ControlError.self) { try await open(store, file, other) }
    #expect(error?.message.contains("acme") == true)
    #expect(error?.message.contains("globex") == true)
  }

  @Test func unusableOrganisationMakesNoKeys() async throws {
    let store = MemoryStore()
    var bad = settings
    bad.organisation = "no spaces"
    await #expect(throws: ControlError.self) { try await open(store, MemoryKeyFile(), bad) }
    #expect(store.state.withLock { $0.secrets }.isEmpty)
  }

  @Test func serverCertificateIsOfTheAuthority() async throws {
    let keys = try await open(MemoryStore(), MemoryKeyFile())
    let identity = try keys.serverIdentity(settings: settings, surroundings: surroundings)
    #expect(identity.certificateChainPEM.hasSuffix(keys.authority.certificatePEM))
    #expect(identity.privateKeyPEM.text.contains("PRIVATE KEY"))
    #expect("\(identity)".contains("PRIVATE KEY") == false)
    var bad = settings
    bad.serverNames = ["not a host"]
    #expect(throws: ControlError.self) {
      try keys.serverIdentity(settings: bad, surroundings: surroundings)
    }
  }
}
