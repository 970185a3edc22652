import ControlCore
import Foundation
import TestSupport
import Testing

@testable import PostgresStore

@Suite struct KeyFileTests {
  private let key = (0..<32).map { UInt8($0) }

  @Test func keyIsKeptForItsOwnerOnlyAndNeverOverwritten() async throws {
    let folder = try ScratchFolder("key")
    let file = KeyFile(path: folder.file("key"))
    #expect(try await file.read() == nil)
    try await file.create(key)
    #expect(try await file.read() == key)
    let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    await #expect(throws: ControlError.self) { try await file.create(key) }
    #expect(try await file.read() == key)
  }

  @Test func keyThatOthersCanReadIsRefused() async throws {
    let folder = try ScratchFolder("key")
    let file = KeyFile(path: folder.file("key"))
    try await file.create(key)
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o640], ofItemAtPath: file.path)
    let error = await #expect(throws: ControlError.self) { try await file.read() }
    #expect(error?.message.contains(file.path) == true)
    #expect(error?.remedy?.contains("chmod") == true)
  }

  @Test(arguments: ["", "short", String(repeating: "A", count: 500)])
  func whatIsNoKeyIsRefused(text: String) async throws {
    let folder = try ScratchFolder("key")
    let path = try folder.write(text, to: "key")
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    await #expect(throws: ControlError.self) { try await KeyFile(path: path).read() }
  }
}
