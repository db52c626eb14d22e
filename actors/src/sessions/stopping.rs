//! The end of the node: first no computation begins any more, then those that run are ended.

use actix::{Context, Handler, Message};

use super::Sessions;
use super::rendezvous::Event;

/// The command to begin no computation any more: the node is about to stop.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Close;

/// The command to end all computations: the node is stopping. Requests that come later are told so.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Shutdown;

impl Handler<Close> for Sessions {
    type Result = ();

    fn handle(&mut self, _: Close, context: &mut Context<Self>) {
        self.on(Event::Close, context);
    }
}

impl Handler<Shutdown> for Sessions {
    type Result = ();

    fn handle(&mut self, _: Shutdown, context: &mut Context<Self>) {
        self.on(Event::Shutdown, context);
        // Before their threads are gone: a computation without its thread is a fault.
        self.end_all();
        self.workers.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::time::{Duration, Instant};

    use actix::Actor;
    use actix_rt::Arbiter;
    use cloister_certs::Fingerprint;
    use cloister_protocols::disclosure::Profile;
    use cloister_vault::Vault;
    use tokio::sync::oneshot;
    use uuid::Uuid;

    use super::*;
    use crate::computation::{Computation, plan_of_one};
    use crate::log::Log;
    use crate::sessions::rendezvous::Effect;
    use crate::sessions::running::Running;
    use crate::sessions::{Config, Reserve};
    use crate::vocabulary::consortium::{Consortium, Member};
    use crate::vocabulary::failure::Failure;
    use crate::vocabulary::settings::{Committee, Limits, NodeThresholds, Pairwise};

    fn config(vault: &Vault) -> Config {
        let member = |(name, byte): (&str, u8)| Member {
            name: name.into(),
            api: format!("http://127.0.0.1:{byte}"),
            peer: format!("127.0.0.1:{byte}"),
            fingerprints: vec![Fingerprint::from_bytes([byte; 32])],
        };
        let consortium = Consortium::new([("a", 1), ("b", 2)].map(member).into()).unwrap();
        Config {
            me: 0,
            boot: [0; 16],
            thresholds: NodeThresholds::new(Profile::Teaching, consortium.profiles(), None)
                .unwrap(),
            deadline: Duration::from_secs(60),
            limits: Limits::default(),
            committee: Committee::default(),
            pairwise: Pairwise::default(),
            log: Log::new(vault.clone()),
            consortium: Arc::new(consortium),
        }
    }

    /// Its thread takes no message before the test says so, and is told to stop meanwhile.
    #[actix_rt::test]
    async fn a_client_hears_that_the_node_stops_though_its_computation_is_amid_a_step() {
        let folder = tempfile::tempdir().unwrap();
        let mut sessions = Sessions::new(config(&Vault::open(folder.path()).unwrap()));
        let (reply, told) = oneshot::channel();
        let plan = plan_of_one(reply);
        let early_end = plan.farewell.early_end();
        let worker = Arbiter::new();
        let (release, held) = mpsc::channel::<()>();
        let address =
            Computation::start_in_arbiter(&worker.handle(), move |_| Computation::new(plan));
        worker.spawn_fn(move || held.recv().unwrap());
        let reserve = Reserve { members: vec![0, 1], network: "now".into() };
        let granted = sessions.table.on(Instant::now(), Event::Reserve(reserve)).pop();
        let Some(Effect::Grant(run)) = granted else { panic!("the name is free") };
        let (members, bindings) = (vec![0, 1], vec![[0; 32]; 2]);
        let running = Running { id: Uuid::nil(), address, early_end, members, bindings };
        sessions.computations.insert(run, running);
        let sessions = sessions.start();
        sessions.send(Shutdown).await.unwrap();
        worker.stop();
        assert_eq!(told.await.unwrap().result.unwrap_err(), Failure::Stopping);
        release.send(()).unwrap();
        // Requests are answered still.
        let reserve = Reserve { members: vec![0, 1], network: "later".into() };
        assert!(sessions.send(reserve).await.is_ok());
    }
}
