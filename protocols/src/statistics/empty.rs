//! The computation of nothing: two rounds of eight bytes, for measuring what rounds cost.
//!
//! Parties: any n ≥ 2. Uses no data and no secrets. Bytes sent per party: 16(n − 1).

use crate::channel::Channel;
use crate::computation::Answer;
use crate::exchange::Phase;
use crate::fault::Fault;

pub(super) async fn run(channel: &Channel) -> Result<Answer, Fault> {
    channel.begin_round("first empty round");
    exchange(channel).await?;
    channel.enter(Phase::Opening);
    channel.begin_round("second empty round");
    exchange(channel).await?;
    Ok(Answer::Empty {})
}

async fn exchange(channel: &Channel) -> Result<(), Fault> {
    const MESSAGE: [u8; 8] = [0; 8];
    channel.broadcast(MESSAGE.to_vec());
    channel.gather_exactly(MESSAGE.len()).await.map(drop)
}
