import Testing
import Volute
import VoluteFormats

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

struct AtomicFileTests {
  private func mode(_ path: String) -> mode_t {
    var status = stat()
    #expect(lstat(path, &status) == 0)
    return status.st_mode
  }

  @Test func aFileIsWrittenWholeAndNothingElseIsLeft() throws {
    try withDirectory { directory in
      let path = "\(directory)/x.svg"
      try AtomicFile.write("<svg/>", to: path)
      #expect(try bytes(of: path) == Array("<svg/>".utf8))
      try AtomicFile.write([], to: path)
      #expect(try bytes(of: path) == [])
      #expect(contents(of: directory) == ["x.svg"])
    }
  }

  @Test func aFailureInTheMiddleLeavesTheOldFile() throws {
    try withDirectory { directory in
      let path = "\(directory)/x.npy"
      try AtomicFile.write("old", to: path)
      let message = refusal { () throws(FormatError) in
        try AtomicFile.write(to: path) { (sink: inout AtomicFile.Sink) throws(FormatError) in
          try sink.write(Array("new".utf8))
          #expect(contents(of: directory).count == 2)
          throw FormatError(path, "stop")
        }
      }
      #expect(message == "\(path): stop")
      #expect(try bytes(of: path) == Array("old".utf8))
      #expect(contents(of: directory) == ["x.npy"])
      // An archive that turns out to be impossible after its first member.
      let twice: [(name: String, tensor: Tensor)] = [("a", Tensor(1)), ("a", Tensor(2))]
      #expect(throws: FormatError.self) { try NPZ.write(twice, to: path) }
      #expect(try bytes(of: path) == Array("old".utf8))
      #expect(contents(of: directory) == ["x.npy"])
    }
  }

  @Test func readersOfTheOldFileKeepIt() throws {
    try withDirectory { directory in
      let path = "\(directory)/x.npy"
      try NPY.write(.arange(1000), to: path)
      let old = try NPY.read(path)
      try NPY.write(Tensor(1), to: path)
      expectSame(old, .arange(1000))
      expectSame(try NPY.read(path), Tensor(1))
    }
  }

  @Test func aTensorCanBeWrittenOverTheFileItIsMappedFrom() throws {
    try withDirectory { directory in
      let path = "\(directory)/x.npy"
      try NPY.write(.arange(1000), to: path)
      try NPY.write(NPY.read(path), to: path)
      expectSame(try NPY.read(path), .arange(1000))
    }
  }

  @Test func permissionsAreThoseOfTheFileBefore() throws {
    try withDirectory { directory in
      let path = "\(directory)/x"
      try AtomicFile.write("1", to: path)
      #expect(mode(path) & 0o7133 == 0)
      chmod(path, 0o640)
      try AtomicFile.write("2", to: path)
      #expect(mode(path) & 0o7777 == 0o640)
    }
  }

  @Test func aSymbolicLinkStaysOne() throws {
    try withDirectory { directory in
      let (path, link) = ("\(directory)/x", "\(directory)/link")
      try AtomicFile.write("1", to: path)
      #expect(symlink("x", link) == 0)
      try AtomicFile.write("2", to: link)
      #expect(mode(link) & S_IFMT == S_IFLNK)
      #expect(try bytes(of: path) == Array("2".utf8))
    }
  }

  @Test func whatCannotBeWrittenIsNamed() throws {
    #expect(
      refusal { () throws(FormatError) in try AtomicFile.write("1", to: "/nowhere/x") }
        == "/nowhere/x: cannot be created: No such file or directory")
    #expect(
      refusal { () throws(FormatError) in try AtomicFile.write("1", to: "/tmp") } == "/tmp: is a directory")
    #if os(Linux)
      let message = refusal { () throws(FormatError) in try AtomicFile.write("1", to: "/dev/full") }
      #expect(message == "/dev/full: cannot be written beyond byte 0: No space left on device")
    #endif
  }

  @Test func devicesAreWrittenToAndPipesRead() throws {
    try AtomicFile.write("1", to: "/dev/null")
    #expect(mode("/dev/null") & S_IFMT == S_IFCHR)
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    let array = NPY.encode(.arange(6))
    try AtomicFile.write(array, to: "/dev/fd/\(ends[1])")
    close(ends[1])
    defer { close(ends[0]) }
    expectSame(try NPY.read("/dev/fd/\(ends[0])"), .arange(6))
  }
}
