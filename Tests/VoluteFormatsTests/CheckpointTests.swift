import Testing
import Volute
import VoluteFormats

/// What PyTorch wrote, in both forms.
struct CheckpointTests {
  @Test(arguments: ["types.pt", "types_legacy.pth"])
  func everyType(name: String) throws {
    let tensors = try Checkpoint(fixture(name)).tensors()
    #expect(
      tensors.map(\.name) == [
        "float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool",
      ])
    for (name, tensor) in tensors {
      expectSame(tensor, counted([2, 3], try #require(DType(rawValue: name))))
    }
  }

  @Test func unsignedNumbersAreWidened() throws {
    let root = try Checkpoint(fixture("unsigned.pt")).root
    for (key, dtype) in [("uint16", DType.int32), ("uint32", .int64), ("uint64", .int64)] {
      expectSame(try #require(root[key]?.tensor), Tensor.arange(6).to(dtype).reshaped(2, 3))
    }
  }

  @Test(arguments: ["views.pt", "views_legacy.pth"])
  func viewsStayViewsOfOneStorage(name: String) throws {
    let root = try Checkpoint(fixture(name)).root
    func tensor(_ key: String) throws -> Tensor { try #require(root[key]?.tensor) }
    let whole = try tensor("whole")
    expectSame(whole, counted([3, 4], .float32))
    expectSame(try tensor("transposed"), whole.transposed())
    expectSame(try tensor("row"), whole[1])
    expectSame(try tensor("column"), whole[0..., 1])
    expectSame(try tensor("broadcast"), whole[0..<1].expanded(2, 4))
    expectSame(try tensor("parameter"), whole[1...])
    expectSame(try tensor("single"), whole[2..., 3...])
    expectSame(try tensor("scalar"), Tensor(7.0).to(.float64))
    expectSame(try tensor("empty"), .zeros([2, 0, 3]))
    #expect(try tensor("transposed").strides == [1, 4])
    #expect(try tensor("column").strides == [4])
    #expect(try tensor("broadcast").strides[0] == 0)
    for key in ["transposed", "row", "column", "broadcast", "parameter", "single"] {
      #expect(try tensor(key).storage === whole.storage, "\(key)")
    }
    // A view is a value all the same.
    var row = try tensor("row")
    row.fill(9, at: 0)
    expectSame(whole, counted([3, 4], .float32))
  }

  @Test func alignedElementsAreMapped() throws {
    let root = try Checkpoint(fixture("views.pt")).root
    #expect(try #require(root["whole"]?.tensor).storage.isWritable == false)
  }

  @Test(arguments: ["run.pt", "run_legacy.pth"])
  func nestingIsKept(name: String) throws {
    let checkpoint = try Checkpoint(fixture(name))
    let root = checkpoint.root
    #expect(root["epoch"]?.number == 3)
    #expect(root["best"]?.number == 0.25)
    #expect(root["note"]?.string == "größe")
    #expect(root["missing"] == nil && root["epoch"]?["missing"] == nil)
    let others = [
      "done": "True", "nothing": "None", "shape": "(3, 4)", "raw": "2 bytes", "names": "[\"a\"]",
      "device": "\"cuda:0\"", "dtype": "\"torch.float32\"", "large": "an integer of 72 bits",
      "negative": "-5", "wide": "1099511627776", "tuple": "(1, \"two\", [3.5])",
      "counts": "{0: \"zero\", (1, 2): \"pair\"}",
    ]
    for (key, text) in others { #expect(root[key]?.description == text, "\(key)") }
    #expect(root["optimizer"]?["state"]?.description.hasPrefix("{0: {\"step\": tensor([], float32)") == true)

    let tensors = try checkpoint.tensors()
    #expect(tensors.count == 19)
    #expect(
      tensors.prefix(7).map(\.name) == [
        "state_dict.0.weight", "state_dict.0.bias", "state_dict.1.weight", "state_dict.1.bias",
        "state_dict.1.running_mean", "state_dict.1.running_var", "state_dict.1.num_batches_tracked",
      ])
    expectSame(tensors[0].tensor, counted([2, 1, 2, 2], .float32))
    expectSame(tensors[6].tensor, Tensor(-3))
    #expect(tensors.last?.name == "optimizer.state.3.exp_avg_sq")
    let values = try checkpoint.otherValues()
    #expect(values.first { $0.name == "optimizer.param_groups.0.lr" }?.value.number == 0.5)
    #expect(values.contains { $0.name == "counts.(1, 2)" })
  }

  @Test func oneTensorAListAndAStorage() throws {
    let one = try Checkpoint(fixture("tensor.pt")).tensors()
    #expect(one.map(\.name) == ["arr_0"])
    expectSame(one[0].tensor, counted([2, 3], .float32))
    // Of protocol 4, which frames its instructions.
    let list = try Checkpoint(fixture("protocol4.pt")).tensors()
    #expect(list.map(\.name) == ["0", "1.bias"])
    expectSame(list[1].tensor, list[0].tensor[0])
    let storage = try #require(try Checkpoint(fixture("storage.pt")).root.tensor)
    #expect(storage.dtype == .uint8 && storage.shape == [48])
    #expect(storage.elements() == counted([12], .float32).withUnsafeBytes { Array($0) })
  }

  @Test(
    arguments: [
      ("hostile.pt", "asks for posix.system, which is none of what weights are made of; nothing was run"),
      ("hostile_legacy.pth", "asks for posix.system"),
      ("counter.pt", "asks for collections.Counter"),
      ("counter_legacy.pth", "asks for collections.Counter"),
      ("complex.pt", "has elements of torch.ComplexFloatStorage, which no tensor has"),
      ("complex_legacy.pth", "has elements of torch.ComplexFloatStorage"),
      ("other.pkl", "is a pickle, but not one of torch.save"),
      ("program.pt", "is a TorchScript program, not a checkpoint"),
      ("stored.npz", "is a ZIP archive without data.pkl"),
      ("f4.npy", "is neither a ZIP archive nor a pickle"),
    ])
  func whatWeightsAreNotMadeOfIsRefusedByName(name: String, message: String) {
    let refusal = refusal { () throws(FormatError) in try Checkpoint(fixture(name)) }
    #expect(refusal.contains(message), "\(refusal)")
  }

  @Test(arguments: ["views.pt", "views_legacy.pth"])
  func whateverIsCutOffThereIsAnError(name: String) throws {
    let whole = try bytes(of: fixture(name))
    for length in 0..<whole.count {
      let part = Array(whole.prefix(length))
      #expect(throws: FormatError.self, "\(length)") { try Checkpoint(bytes: part) }
    }
  }
}

struct WeightFileTests {
  @Test(
    arguments: [
      ("types.safetensors", WeightFile.Format.safetensors, 10), ("empty.safetensors", .safetensors, 0),
      ("types.pt", .checkpoint, 10), ("types_legacy.pth", .checkpoint, 10), ("stored.npz", .npz, 4),
      ("f4.npy", .npy, 1), ("fortran.npy", .npy, 1),
    ])
  func theContentDecides(name: String, format: WeightFile.Format, count: Int) throws {
    let contents = try bytes(of: fixture(name))
    let file = try WeightFile(bytes: contents, name: "x.txt")
    #expect(file.format == format)
    #expect(try file.tensors().count == count)
    #expect(try WeightFile(fixture(name)).format == format)
  }

  @Test func allFormatsGiveTheSameTensors() throws {
    let checkpoint = try WeightFile(fixture("types.pt")).tensors()
    let named = Dictionary(uniqueKeysWithValues: checkpoint.map { ($0.name, $0.tensor) })
    let safetensors = try WeightFile(bytes: Safetensors.encode(named)).tensors()
    let npz = try WeightFile(bytes: NPZ.encode(checkpoint)).tensors()
    #expect(npz.map(\.name) == checkpoint.map(\.name))
    for (name, tensor) in safetensors + npz { expectSame(tensor, try #require(named[name])) }
  }

  @Test func aPartIsTakenByItsName() throws {
    let file = try WeightFile(fixture("run.pt"))
    let part = try file.tensors(under: "state_dict")
    #expect(part.map(\.name).prefix(2) == ["0.weight", "0.bias"] && part.count == 7)
    #expect(try file.tensors(under: "optimizer.state.0").map(\.name) == ["step", "exp_avg", "exp_avg_sq"])
    let message = refusal { () throws(FormatError) in try file.tensors(under: "model") }
    #expect(message.hasSuffix("has no tensors under 'model' (its names start with state_dict, optimizer)"))
  }

  @Test func otherFilesAreRefused() {
    #expect(
      refusal { () throws(FormatError) in try WeightFile(fixture("README.md")) }
        .hasSuffix("is of an unknown format (known are safetensors, PyTorch's .pt and .pth, .npz and .npy)"))
    #expect(
      refusal { () throws(FormatError) in try WeightFile(bytes: [], name: "x") }.hasPrefix("x: is empty"))
    #expect(
      refusal { () throws(FormatError) in try WeightFile("/nowhere/x.pt") }
        == "/nowhere/x.pt: cannot be opened: No such file or directory")
  }
}
